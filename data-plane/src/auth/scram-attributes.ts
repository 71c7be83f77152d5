/** `a=1,b=2` of RFC 5802 as pairs in order; undefined where a part is no attribute. */
export function scramAttributes(message: string): ReadonlyMap<string, string> | undefined {
  const attributes = new Map<string, string>();
  for (let at = 0; at <= message.length; ) {
    const comma = message.indexOf(",", at);
    const end = comma === -1 ? message.length : comma;
    if (end - at < 2 || message[at + 1] !== "=") return undefined;
    attributes.set(message.charAt(at), message.slice(at + 2, end));
    at = end + 1;
  }
  return attributes;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Strict base64; Node's decoder would skip what does not belong there. */
export function fromBase64(text: string | undefined): Buffer | undefined {
  return text !== undefined && BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
}
