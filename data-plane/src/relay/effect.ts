/** What a text may do to the session, as bits. */
export const Effect = {
  none: 0,
  /** Something may be left behind: at the end of the transaction the server is asked. */
  looks: 1,
  /** What is left behind cannot be asked for: the server stays with this client. */
  pins: 2,
  /** A library was loaded: the server stays with this client, and is closed when it goes. */
  loads: 4,
  /** What is left behind, if it is, keeps the server. */
  mayPin: 8,
  /** What keeps the server may be gone. */
  mayUnpin: 16,
  /** RESET, DISCARD ALL: what the client wanted at its login is in force again. */
  resets: 32,
  /** DEALLOCATE, DISCARD ALL: the tag of its CommandComplete tells what came of it. */
  tags: 64,
  /** Uses prepared statements by name, see `TextNames`. */
  names: 128,
  /** Something that Parse depends on may be other than the session's settings say, up to the transaction's end. */
  parseContext: 256,
  /** lastval and currval: what sequences gave out in this session. */
  readsSequences: 512,
  /** EXECUTE: the statement it names is run, and not only looked for. */
  executes: 1024,
} as const;

/** Session advisory locks; the `xact` forms end with the transaction. */
export const ADVISORY_LOCKS: ReadonlySet<string> = new Set([
  "pg_advisory_lock",
  "pg_advisory_lock_shared",
  "pg_try_advisory_lock",
  "pg_try_advisory_lock_shared",
]);

export const ADVISORY_UNLOCKS: ReadonlySet<string> = new Set([
  "pg_advisory_unlock",
  "pg_advisory_unlock_shared",
  "pg_advisory_unlock_all",
]);

export const SEQUENCE_READERS: ReadonlySet<string> = new Set(["lastval", "currval"]);

/** Words of PL/pgSQL behind which a statement begins. */
export const BEGINS_STATEMENT_IN_BLOCK: ReadonlySet<string> = new Set([
  "begin",
  "then",
  "else",
  "loop",
  "declare",
]);

/**
 * Settings that the analysis of a statement depends on. A statement that was parsed under others is another one:
 * names are looked up elsewhere, and constants of the text have been read by other rules.
 */
const PARSE_CONTEXT: ReadonlySet<string> = new Set([
  "array_nulls",
  "backslash_quote",
  "bytea_output",
  "client_encoding",
  "datestyle",
  "intervalstyle",
  "lc_monetary",
  "lc_numeric",
  "lc_time",
  "role",
  "search_path",
  "session_authorization",
  "standard_conforming_strings",
  "timezone",
  "timezone_abbreviations",
  "transform_null_equals",
  "xmloption",
]);

export function isParseContext(setting: string): boolean {
  return PARSE_CONTEXT.has(setting);
}
