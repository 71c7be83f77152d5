const SECRET_NAME =
  /pass(word|wd)?$|secret|token|authorization|private|verifier|credential|proof|^key$|enc_key/i;

/** The user and password part of a URL. */
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]+(:[^\s/@]*)?@/gi;

/**
 * The last net under the log: a copy in which fields with a secret's name, credentials in URLs, SCRAM verifiers
 * and PEM private keys are replaced, and fields without a value left out. Nothing secret should come this far.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  // Secrets are held as functions that open them, and as bytes.
  if (typeof value === "function") return "<function>";
  if (typeof value !== "object" || value === null || depth > 6) return value;
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const copy: Record<string | symbol, unknown> = {};
  // winston keeps the level under a symbol.
  for (const symbol of Object.getOwnPropertySymbols(value)) copy[symbol] = Reflect.get(value, symbol);
  for (const [name, field] of Object.entries(value)) {
    // As JSON has it; a line of text would say "undefined".
    if (field === undefined) continue;
    copy[name] = SECRET_NAME.test(name) && field !== null ? "<redacted>" : redact(field, depth + 1);
  }
  return copy;
}

export function redactText(text: string): string {
  return text
    .replace(URL_CREDENTIALS, "$1<redacted>@")
    .replace(/SCRAM-SHA-256\$[^\s"']+/g, "SCRAM-SHA-256$<redacted>")
    .replace(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
      "<private key redacted>",
    )
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, "<token redacted>");
}
