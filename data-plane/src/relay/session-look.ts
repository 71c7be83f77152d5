import type { Deadline } from "@sluice/shared/time";
import { literal, type ServerConnection, SessionSettings } from "../server/index.js";

/** What a session has made of its server. */
export interface SessionLook {
  readonly settings: SessionSettings;
  /** Something is there that no setting restores (temporary tables, locks...): the server stays with its client. */
  readonly keepsServer: boolean;
  /** Statements that SQL has prepared. */
  readonly sqlNames: ReadonlySet<string>;
}

/**
 * Of all values of one client, in characters: they are kept for as long as it is there. What is longer stays on the server,
 * and the server with its client.
 */
const MOST_VALUES_LENGTH = 128 * 1024;

/**
 * Asks the server itself, while no transaction is open: exact whatever happened, savepoints and rollbacks included.
 * Built-in settings are those with `source = 'session'`; roles and custom settings are in no view and are asked by name.
 * Values come as hex of UTF-8, whatever the session's encoding is.
 * @throws ServerError, ServerGone, DeadlinePassed
 */
export async function lookAt(
  server: ServerConnection,
  customNames: ReadonlySet<string>,
  anyStatement: boolean,
  deadline: Deadline,
  notified: (body: Buffer) => void,
): Promise<SessionLook> {
  const rows = await server.ask(question(customNames, anyStatement), deadline, notified);
  const values = new Map<string, string>();
  const sqlNames = new Set<string>();
  const timeouts: string[] = [];
  let keepsServer = false;
  let length = 0;
  for (const [kind, name = "", value = ""] of rows) {
    const text = Buffer.from(value, "hex").toString("utf8");
    length += text.length;
    if (length > MOST_VALUES_LENGTH) {
      keepsServer = true;
      continue;
    }
    switch (kind) {
      case "timeout":
        timeouts.push(name);
        break;
      case "setting":
        values.set(name, text);
        break;
      case "custom":
        // An empty value is what a custom setting has after a RESET, too.
        if (text !== "") values.set(name, text);
        break;
      case "role":
        if (text !== "none") values.set(name, text);
        break;
      case "user":
        if (text !== server.baseline.get("session_authorization")) values.set(name, text);
        break;
      case "left":
        keepsServer = true;
        break;
      case "statement":
        keepsServer = true;
        sqlNames.add(Buffer.from(name, "utf8").toString("latin1"));
        break;
    }
  }
  const [timeout, usualTimeout] = timeouts;
  if (timeout !== undefined && timeout !== usualTimeout) values.set("statement_timeout", timeout);
  for (const [name, value] of server.baseline) if (values.get(name) === value) values.delete(name);
  return { settings: SessionSettings.of(values), keepsServer, sqlNames };
}

/** The client's own statement_timeout must not end the question, and has to be read before it is lifted. */
function question(customNames: ReadonlySet<string>, anyStatement: boolean): string {
  const names = [...customNames].map((name) => `(${literal(name)})`).join(", ");
  const custom =
    names === ""
      ? ""
      : `UNION ALL SELECT 'custom', n, ${hex("pg_catalog.current_setting(n, true)")} FROM (VALUES ${names}) AS v(n)`;
  return `BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT 'timeout', pg_catalog.current_setting('statement_timeout'); SET LOCAL statement_timeout TO DEFAULT;
SELECT 'timeout', pg_catalog.current_setting('statement_timeout'); SET LOCAL statement_timeout TO 0;
SELECT 'setting', name, ${hex("setting")} FROM pg_catalog.pg_settings
 WHERE source OPERATOR(pg_catalog.=) 'session' AND name OPERATOR(pg_catalog.<>) ALL ('{${NOT_ASKED}}')
UNION ALL SELECT 'role', 'role', ${hex("pg_catalog.current_setting('role')")}
UNION ALL SELECT 'user', 'session_authorization', ${hex("session_user::pg_catalog.text")}
${custom}
UNION ALL SELECT 'left', 'temp', '' WHERE pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0
 AND (EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())
  OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())
  OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()))
UNION ALL SELECT 'left', 'cursor', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)
UNION ALL SELECT 'left', 'lock', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_locks
 WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())
UNION ALL SELECT 'left', 'listen', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_listening_channels())
UNION ALL SELECT 'statement', name, '' FROM pg_catalog.pg_prepared_statements WHERE ${anyStatement ? "true" : "from_sql"};
COMMIT`;
}

/** The question's own doing, or never a session's. */
const NOT_ASKED = "statement_timeout,transaction_isolation,transaction_read_only,transaction_deferrable";

/** Of no more of it than shows that it is too long. */
function hex(text: string): string {
  const start = `pg_catalog.left(${text}, ${MOST_VALUES_LENGTH + 1})`;
  return `pg_catalog.encode(pg_catalog.convert_to(${start}, 'UTF8'), 'hex')`;
}
