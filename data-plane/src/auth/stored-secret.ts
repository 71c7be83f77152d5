import { parseVerifier, type ScramVerifier } from "@sluice/shared/secrets";

/** What is kept of a user's password, by the bundle or by the tenant's database. */
export type StoredSecret =
  | { readonly kind: "scram"; readonly verifier: ScramVerifier }
  /** `md5` and 32 hex digits; whoever has it needs no password. */
  | { readonly kind: "md5"; readonly hash: string };

const MD5 = /^md5[0-9a-f]{32}$/;

/** As in `pg_authid.rolpassword`; undefined for anything else. */
export function parseStoredSecret(text: string): StoredSecret | undefined {
  if (MD5.test(text)) return { kind: "md5", hash: text };
  const verifier = parseVerifier(text);
  return verifier === undefined ? undefined : { kind: "scram", verifier };
}
