/** `a=1,b=2` of RFC 5802 as pairs in order; undefined where a part is no attribute. */
export function scramAttributes(message: string): ReadonlyMap<string, string> | undefined {
  const attributes = new Map<string, string>();
  for (const part of message.split(",")) {
    if (part.length < 2 || part[1] !== "=") return undefined;
    attributes.set(part[0] ?? "", part.slice(2));
  }
  return attributes;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Strict base64; Node's decoder would skip what does not belong there. */
export function fromBase64(text: string | undefined): Buffer | undefined {
  return text !== undefined && BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
}
