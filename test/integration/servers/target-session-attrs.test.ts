import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { missing, psql } from "../../support/tools.js";
import { Edge, tenantOn } from "../login/edge.js";

/** libpq looks at what the greeting says of the server, and goes on to the next host when it is another kind. */
describe.skipIf(missing("psql"))("target_session_attrs of a client", () => {
  const server = inject("postgres");
  let edge: Edge;
  let writable: Database;
  let readOnly: Database;

  beforeAll(async () => {
    [writable, readOnly] = await Promise.all([createDatabase(), createDatabase()]);
    await psql(readOnly.url, `alter database ${readOnly.database} set default_transaction_read_only = on`);
    edge = await Edge.start();
    await edge.put("t", tenantOn(server));
  });
  afterAll(async () => {
    await edge?.stop();
    await Promise.all([writable?.drop(), readOnly?.drop()]);
  });

  for (const mode of ["transaction", "session"] as const) {
    it.each([
      ["read-write", true, false],
      ["read-only", false, true],
      ["primary", true, true],
      ["standby", false, false],
      ["prefer-standby", true, true],
      ["any", true, true],
    ])(`${mode} mode is as the database behind it: %s`, async (attributes, onWritable, onReadOnly) => {
      for (const [database, welcome] of [
        [writable, onWritable],
        [readOnly, onReadOnly],
      ] as const) {
        const { user, password } = server;
        const login = `host=127.0.0.1 port=${edge.portOf(0, mode)} user=${user}.t password=${password}`;
        const { code, stdout } = await psql(
          `${login} dbname=${database.database} target_session_attrs=${attributes}`,
          "select 'in'",
        );
        expect([code, stdout.trim()]).toEqual(welcome ? [0, "in"] : [2, ""]);
      }
    });
  }
});
