/** NAMEDATALEN - 1: PostgreSQL cuts there. */
const MOST_BYTES = 63;
/** Printable ASCII. */
const PLAIN = /^[\x20-\x7e]*$/;

/** As PgBouncer's `application_name_add_host`: the client's address behind its name, and whole where both are too long. */
export function applicationNameWithHost(
  name: string | undefined,
  ip: string,
  port: number | undefined,
): string {
  const host = port === undefined ? ip : `${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
  const suffix = ` - ${host}`;
  const own = Buffer.from(name || "app");
  return `${own.toString("utf8", 0, Math.max(0, MOST_BYTES - suffix.length))}${suffix}`;
}

/** PostgreSQL cuts at NAMEDATALEN - 1, and shows what is not printable ASCII as `\\xc3`, before version 16 as `?`. */
export function applicationNameAsReported(name: string, serverVersion: string | undefined): string {
  if (name.length <= MOST_BYTES && PLAIN.test(name)) return name;
  const escapes = Number.parseInt(serverVersion ?? "", 10) >= 16;
  return Buffer.from(cutAtCharacter(name))
    .toString("latin1")
    .replace(/[^\x20-\x7e]/g, (byte) =>
      escapes ? `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}` : "?",
    );
}

function cutAtCharacter(name: string): string {
  let bytes = 0;
  let kept = "";
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > MOST_BYTES) break;
    kept += character;
  }
  return kept;
}
