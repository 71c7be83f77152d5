import { type Fleet, startFleet } from "@sluice/local/fleet";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { GUIDE_TOKEN } from "../support/tenant-api.js";
import { findTool, runTool, type Tool } from "../support/tools.js";

/** Reported as skipped where a tool is missing. */
const missing = (tool: Tool): boolean => {
  try {
    findTool(tool);
    return false;
  } catch {
    return true;
  }
};

describe("programs of PostgreSQL and a driver, through the fleet", () => {
  const server = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
    const answer = await fetch(`${fleet.controlPlane.url}/api/tenants/tools`, {
      method: "PUT",
      headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({
        tenant: {
          db_host: "localhost",
          db_port: server.port,
          db_database: "postgres",
          require_user: true,
          users: [{ db_user: "postgres", db_password: server.password, pool_size: 5 }],
        },
      }),
    });
    expect(answer.status).toBe(201);
    await eventually("the tenant is served", async () => {
      const sql = postgres(url("transaction"), { prepare: false, max: 1 });
      try {
        return (await sql`select 1 as one`).length === 1;
      } finally {
        await sql.end();
      }
    });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const url = (mode: "transaction" | "session"): string =>
    `postgresql://postgres.tools:${encodeURIComponent(server.password)}@127.0.0.1:${fleet.dataPlane.ports[mode]}/postgres`;

  for (const mode of ["transaction", "session"] as const) {
    it.skipIf(missing("psql"))(
      `runs psql with \\d, \\copy, transactions and errors in ${mode} mode`,
      async () => {
        const { code, stdout, stderr } = await runTool("psql", [
          url(mode),
          "-At",
          ...["-c", "create table if not exists copied (n int)", "-c", "truncate copied"],
          ...["-c", "\\copy copied from program 'seq 1 1000'"],
          ...["-c", "begin; select count(*) from copied; rollback"],
          ...["-c", "\\d copied", "-c", "select 1/0"],
        ]);
        expect(stdout).toContain("COPY 1000");
        expect(stdout).toContain("\n1000\n");
        expect(stderr).toContain("division by zero");
        expect(code).not.toBe(0);
      },
    );

    it(`gives postgres.js its own rows in ${mode} mode`, async () => {
      const sql = postgres(url(mode), { prepare: false, max: 4 });
      try {
        const rows = await Promise.all(Array.from({ length: 200 }, (_, n) => sql`select ${n}::int as n`));
        expect(rows.map(([row]) => row?.["n"])).toEqual(Array.from({ length: 200 }, (_, n) => n));
      } finally {
        await sql.end();
      }
    });
  }

  it.skipIf(missing("pgbench"))("serves 50 clients of pgbench on 5 servers without an error", async () => {
    const prepared = await runTool("pgbench", ["-i", "-q", "-s", "1", url("transaction")]);
    expect(prepared.code).toBe(0);
    const { code, stdout } = await runTool("pgbench", ["-S", "-c", "50", "-t", "40", url("transaction")]);
    expect(code).toBe(0);
    expect(stdout).toContain("number of transactions actually processed: 2000/2000");
  });

  it("shows no client the settings of another", async () => {
    const first = postgres(url("transaction"), {
      prepare: false,
      max: 1,
      connection: { statement_timeout: 12_345 },
    });
    const second = postgres(url("transaction"), { prepare: false, max: 1 });
    try {
      for (let round = 0; round < 20; round++) {
        expect((await first`show statement_timeout`)[0]?.["statement_timeout"]).toBe("12345ms");
        expect((await second`show statement_timeout`)[0]?.["statement_timeout"]).toBe("0");
      }
    } finally {
      await Promise.all([first.end(), second.end()]);
    }
  });
});
