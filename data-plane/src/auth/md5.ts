import { createHash, timingSafeEqual } from "node:crypto";

/** `md5` and the hash of password and user, as PostgreSQL stores it ("Password Authentication"). */
export function md5Secret(user: string, password: string): string {
  return `md5${hex(password + user)}`;
}

/** What a PasswordMessage answers to AuthenticationMD5Password with. */
export function md5Response(secret: string, salt: Uint8Array): string {
  return `md5${createHash("md5").update(secret.slice(3)).update(salt).digest("hex")}`;
}

export function md5ResponseMatches(secret: string, salt: Uint8Array, response: string): boolean {
  const expected = Buffer.from(md5Response(secret, salt));
  const given = Buffer.from(response);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function hex(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
