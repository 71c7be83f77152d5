import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { DebianPostgres, replicationTools } from "../../support/debian-postgres.js";
import { putTenant, served } from "../../support/tenant-api.js";

const MODES = ["transaction", "session"] as const;
const SCHEMA = `
  create type mood as enum ('sad', 'ok', 'happy');
  create table people (id serial primary key, name text not null, mood mood, tags text[], facts jsonb, born date);
  insert into people (name, mood, tags, facts, born)
    select 'name ' || n, (array['sad', 'ok', 'happy'])[1 + n % 3]::mood, array['a' || n, E'b\\t' || n],
      jsonb_build_object('n', n, 'quote', '"''' || n), date '2000-01-01' + n from generate_series(1, 2000) n;
  create index on people (lower(name));
  create view happy as select * from people where mood = 'happy';
  create function greet(who text) returns text language plpgsql as $$ begin return 'hello; ' || who; end $$;
  create materialized view counted as select mood, count(*) from people group by 1;
  select lo_from_bytea(0, '\\x00ff00ff');
`;

// pg_dump reads no server that is newer than itself, so it takes the one that it came with.
const tools = replicationTools();

describe.skipIf(tools === undefined)(
  "pg_dump | psql through a data plane (needs Debian's postgresql)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-dump-"));
    let postgres: DebianPostgres;
    let fleet: Fleet;

    beforeAll(async () => {
      postgres = await DebianPostgres.start(tools ?? "");
      fleet = await startFleet({ postgres: inject("postgres") });
      await putTenant(fleet, "t", {
        db_host: postgres.host,
        db_port: postgres.port,
        db_database: "postgres",
        require_user: true,
        users: [{ db_user: "postgres", db_password: postgres.password, pool_size: 3 }],
      });
      await served(fleet, "t", { password: postgres.password });
    });
    afterAll(async () => {
      await fleet?.stop();
      await postgres?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    const through = (mode: (typeof MODES)[number], { database }: Database): string =>
      `postgresql://postgres.t:${postgres.password}@127.0.0.1:${fleet.dataPlane.ports[mode]}/${database}`;
    /** Throws when it says anything on its second channel. */
    const run = async (tool: string, ...args: readonly string[]): Promise<void> => {
      const { stderr } = await promisify(execFile)(join(postgres.tools, tool), [...args], {
        timeout: 60_000,
      });
      expect(stderr).toBe("");
    };
    const load = async (url: string, text: string): Promise<void> => {
      const file = join(folder, "load.sql");
      writeFileSync(file, text);
      await run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", file, "-o", "/dev/null");
    };
    const dump = async (url: string): Promise<string> => {
      const file = join(folder, "dump.sql");
      await run("pg_dump", "-d", url, "-f", file, "--no-owner");
      // Newer ones mark their output with a random key.
      return readFileSync(file, "utf8").replace(/^\\(un)?restrict .*$/gm, "");
    };

    it.each(MODES)("makes the same database again in %s mode, and leaves nothing behind", async (mode) => {
      const source = await createDatabase(postgres);
      const target = await createDatabase(postgres);
      await load(source.url, SCHEMA);
      const dumped = await dump(through(mode, source));
      expect(dumped.length).toBeGreaterThan(100_000);
      expect(dumped).toBe(await dump(source.url));
      // pg_dump empties the search_path of its session: nobody else may see it.
      const client = new pg.Client(through(mode, source));
      await client.connect();
      expect((await client.query("show search_path")).rows).toEqual([{ search_path: '"$user", public' }]);
      expect((await client.query("select count(*)::int as n from people")).rows).toEqual([{ n: 2000 }]);
      await client.end();
      await load(through(mode, target), dumped);
      expect(await dump(target.url)).toBe(dumped);
    });
  },
);
