import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { GUIDE_TOKEN } from "../support/tenant-api.js";

const POOL_SIZE = 6;
const ROUNDS = 30;

/** The most sessions that a database had at any look, while others work. */
class MostServers {
  readonly #client: pg.Client;
  readonly #database: string;
  readonly #looking: Promise<void>;
  #most = 0;
  #ended = false;

  private constructor(client: pg.Client, database: string) {
    this.#client = client;
    this.#database = database;
    this.#looking = this.#look();
  }

  static async watch({ url, database }: Database): Promise<MostServers> {
    const client = new pg.Client(url);
    await client.connect();
    return new MostServers(client, database);
  }

  async seen(): Promise<number> {
    this.#ended = true;
    await this.#looking;
    await this.#client.end();
    return this.#most;
  }

  async #look(): Promise<void> {
    while (!this.#ended) {
      const { rowCount } = await this.#client.query(
        "select 1 from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'",
        [this.#database],
      );
      this.#most = Math.max(this.#most, rowCount ?? 0);
    }
  }
}

/**
 * Many clients at once, each of which owns its rows and checks that whatever it reads is its own: rows, notices of
 * its own transaction, errors with its mark.
 */
describe("drivers of Node, many clients at once", () => {
  const server = inject("postgres");
  let fleet: Fleet;
  let database: Database;

  beforeAll(async () => {
    database = await createDatabase();
    const direct = new pg.Client(database.url);
    await direct.connect();
    await direct.query("create table owned (client int, round int, body text)");
    await direct.end();
    fleet = await startFleet({ postgres: server });
    const answer = await fetch(`${fleet.controlPlane.url}/api/tenants/drivers`, {
      method: "PUT",
      headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({
        tenant: {
          db_host: "localhost",
          db_port: server.port,
          db_database: database.database,
          require_user: true,
          users: [{ db_user: "postgres", db_password: server.password, pool_size: POOL_SIZE }],
        },
      }),
    });
    expect(answer.status).toBe(201);
    await eventually("the tenant is served", async () => {
      const client = new pg.Client(url("transaction"));
      await client.connect();
      await client.end();
      return true;
    });
  });
  afterAll(async () => {
    await fleet?.stop();
    await database?.drop();
  });

  const url = (mode: "transaction" | "session"): string =>
    `postgresql://postgres.drivers:${encodeURIComponent(server.password)}@127.0.0.1:${fleet.dataPlane.ports[mode]}/${database.database}`;

  async function worksOnItsRows(client: pg.Client, me: number): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const body = `${me}:${round}:${"x".repeat((me * 97 + round * 31) % 3000)}`;
      await client.query("begin");
      await client.query("insert into owned values ($1, $2, $3)", [me, round, body]);
      const mine = await client.query(
        "select client, round, body from owned where client = $1 and round = $2",
        [me, round],
      );
      expect(mine.rows).toEqual([{ client: me, round, body }]);
      await client.query(round % 3 === 0 ? "rollback" : "commit");
      const mark = `mark ${me} ${round}`;
      await expect(client.query(`select cast('${mark}' as int)`)).rejects.toThrow(mark);
      const { rows } = await client.query("select $1::text as echo, pg_backend_pid() > 0 as there", [mark]);
      expect(rows).toEqual([{ echo: mark, there: true }]);
    }
    const { rows } = await client.query("select count(*)::int as kept from owned where client = $1", [me]);
    expect(rows).toEqual([{ kept: ROUNDS - Math.ceil(ROUNDS / 3) }]);
  }

  for (const mode of ["transaction", "session"] as const) {
    // In session mode each client keeps its server.
    const count = mode === "transaction" ? 24 : POOL_SIZE;
    const base = mode === "transaction" ? 1000 : 2000;

    it(`gives each of ${count} clients of pg its own rows in ${mode} mode`, async () => {
      const clients = Array.from({ length: count }, () => new pg.Client(url(mode)));
      const servers = await MostServers.watch(database);
      await Promise.all(clients.map((client) => client.connect()));
      try {
        await Promise.all(clients.map((client, index) => worksOnItsRows(client, base + index)));
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
      // The pool of the other mode may hold its servers still.
      expect(await servers.seen()).toBeLessThanOrEqual(mode === "transaction" ? POOL_SIZE : 2 * POOL_SIZE);
    });

    for (const prepare of [false, true]) {
      const name = prepare ? "with its default, prepared statements" : "with prepare: false";
      const max = prepare || mode === "session" ? POOL_SIZE : 24;

      it(`gives postgres.js its own rows in ${mode} mode, ${name}`, async () => {
        const sql = postgres(url(mode), { prepare, max, onnotice: () => undefined });
        try {
          await Promise.all(
            Array.from({ length: max * 20 }, async (_, n) => {
              const body = `${n}:${"y".repeat((n * 131) % 5000)}`;
              const rows = await sql`select ${n}::int as n, ${body}::text as body`;
              expect([...rows]).toEqual([{ n, body }]);
              const sums = await sql
                .begin(async (inside) => {
                  await inside`insert into owned values (${-n - 1}, 0, ${mode})`;
                  const seen = await inside`select count(*)::int as c from owned where client = ${-n - 1}`;
                  throw Object.assign(new Error("undo"), { seen: seen[0]?.["c"] as number });
                })
                .catch((error: { seen?: number }) => error.seen);
              expect(sums).toBe(1);
            }),
          );
        } finally {
          await sql.end();
        }
      });
    }
  }

  it("leaves nothing open in the database: no transaction, no more servers than the pool's size", async () => {
    const direct = new pg.Client(database.url);
    await direct.connect();
    try {
      const { rows } = await eventually("all servers are idle", async () => {
        const found = await direct.query<{ state: string }>(
          "select state from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'",
          [database.database],
        );
        return found.rows.every(({ state }) => state === "idle") ? found : undefined;
      });
      // One pool for each mode.
      expect(rows.length).toBeLessThanOrEqual(2 * POOL_SIZE);
    } finally {
      await direct.end();
    }
  });
});
