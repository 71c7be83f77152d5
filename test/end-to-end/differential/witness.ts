import { RawClient } from "../../support/raw-client.js";
import type { Address } from "./play.js";

/** What a session can hold and another must not see. Custom settings that were reset are empty, not NULL. */
export const WITNESS_QUERY = `
  select 'setting ' || name, setting from pg_settings
    where name not in ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
      and name not like 'plpgsql.%' /* there once the language was used */
  union all select 'user', session_user || ' ' || current_user
  union all select 'prepared in SQL', name from pg_prepared_statements where from_sql
  union all select 'cursor', name from pg_cursors where name <> ''
  union all select 'temporary', relname from pg_class where relnamespace = pg_my_temp_schema()
  union all select 'listens', c from pg_listening_channels() as c
  union all select 'advisory lock', objid::text from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
  union all select 'custom', c from (values (current_setting('app.mark', true)), (current_setting('app.other', true))) v(c)
    where c <> ''`;

/** Somebody who comes after a script and looks what is left of it. */
export async function witnessed({ port, user, password, database }: Address): Promise<readonly string[]> {
  const client = await RawClient.connect(port);
  try {
    await client.logIn({ user, database }, { password });
    const rows = await client.query(WITNESS_QUERY);
    return rows.map((row) => row.join(" = ")).sort();
  } finally {
    client.close();
  }
}
