import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { psql } from "../support/tools.js";
import { DRIVERS, type Prepared, run } from "./programs.js";

/** The token of Supavisor's guide. */
const TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIiwiaWF0IjoxNjQ1MTkyODI0LCJleHAiOjE5NjA3Njg4MjR9.M9jrxyvPLkUxWgOYSf5dNdJ8v_eRrq810ShFRT8N-6M";

/** Each driver in both modes, TLS on and off, and its login by auth_query and by the configuration. */
describe("real clients", () => {
  const server = inject("postgres");
  let fleet: Fleet;
  let database: Database;
  let tables = 0;

  beforeAll(async () => {
    database = await createDatabase();
    fleet = await startFleet({ postgres: server });
    const user = { db_user: server.user, db_password: server.password, pool_size: 5, is_manager: true };
    const tenants = {
      configured: { require_user: true },
      asked: {
        require_user: false,
        auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1",
      },
    };
    for (const [id, rules] of Object.entries(tenants)) {
      const answer = await fetch(`${fleet.controlPlane.url}/api/tenants/${id}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify({
          tenant: {
            db_host: "127.0.0.1",
            db_port: server.port,
            db_database: database.database,
            ...rules,
            users: [user],
          },
        }),
      });
      expect(answer.status).toBe(201);
      const url = `postgresql://${server.user}.${id}:${server.password}@127.0.0.1:${fleet.dataPlane.ports.transaction}/${database.database}`;
      await eventually("a login", async () => (await psql(url, "select 1")).code === 0);
    }
  });
  afterAll(async () => {
    await fleet?.stop();
    await database?.drop();
  });

  describe.each(Object.keys(DRIVERS))("%s", (name) => {
    let prepared: Prepared;
    beforeAll(async () => {
      prepared = (await DRIVERS[name]?.()) ?? { missing: "unknown" };
    }, 600_000);

    for (const mode of ["transaction", "session"] as const) {
      for (const tls of [false, true]) {
        for (const tenant of ["configured", "asked"]) {
          it(`works in ${mode} mode, TLS ${tls ? "on" : "off"}, user ${tenant}`, async ({ skip }) => {
            if ("missing" in prepared) return skip(prepared.missing);
            tables += 1;
            const { code, output } = await run(prepared.command, prepared.args, {
              timeoutMs: 60_000,
              env: {
                HOST: "localhost",
                PORT: String(fleet.dataPlane.ports[mode]),
                USER_NAME: `${server.user}.${tenant}`,
                PASSWORD: server.password,
                DATABASE: database.database,
                TABLE: `checks_${tables}`,
                TLS: tls ? join(fleet.folder, "credentials/client.crt") : "off",
                ...prepared.env,
              },
            });
            expect(output).toMatch(/^ok$/m);
            expect(code).toBe(0);
          });
        }
      }
    }
  });
});
