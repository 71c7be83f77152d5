import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { familyOf } from "../../benchmark/processes.js";
import { createDatabase, type Database } from "../../support/database.js";
import { putTenant, served } from "../../support/tenant-api.js";
import { missing, psql, runTool } from "../../support/tools.js";

const MODES = ["transaction", "session"] as const;
const PROTOCOLS = ["simple", "extended", "prepared"] as const;
const CLIENTS = 8;
const TRANSACTIONS_OF_EACH = 25;
/** `make test-copy` takes 1 GB. */
const COPY_MB = Number(process.env.COPY_MB ?? 48);
/** What a data plane may grow by, whatever passes through: sockets' buffers, and the garbage of a moment. */
const GROWTH_MB = 100;
describe.skipIf(missing("pgbench"))("pgbench and \\\\copy through a data plane", () => {
  const server = inject("postgres");
  const folder = mkdtempSync(join(tmpdir(), "sluice-tools-"));
  const databases: Database[] = [];
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres: server });
    await putTenant(fleet, "t", {
      db_host: "127.0.0.1",
      db_port: server.port,
      db_database: "postgres",
      require_user: true,
      users: [{ db_user: "postgres", db_password: server.password, pool_size: 10, max_clients: 50 }],
    });
    await served(fleet, "t", { password: server.password });
  });
  afterAll(async () => {
    await fleet?.stop();
    for (const database of databases) await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const newDatabase = async (): Promise<Database> => {
    const database = await createDatabase();
    databases.push(database);
    return database;
  };
  const through = (mode: (typeof MODES)[number], { database }: Database): string =>
    `postgresql://postgres.t:${server.password}@127.0.0.1:${fleet.dataPlane.ports[mode]}/${database}`;
  const succeed = async (...run: Parameters<typeof runTool>): Promise<string> => {
    const { code, stdout, stderr } = await runTool(...run);
    expect([
      code,
      stderr.replace(
        /^(pgbench \(|NOTICE: .* does not exist, skipping|\d+ of \d+ tuples|dropping|creating|generating|vacuuming|done).*\n?/gm,
        "",
      ),
    ]).toEqual([0, ""]);
    return stdout;
  };
  describe.each(MODES)("pgbench in %s mode", (mode) => {
    it.each(
      PROTOCOLS,
    )("does what it was asked with the %s protocol, each transaction once", async (protocol) => {
      const database = await newDatabase();
      const url = through(mode, database);
      await succeed("pgbench", ["-i", "-q", "-s", "1", url]);
      const options = [
        "-n",
        "-M",
        protocol,
        "-c",
        String(CLIENTS),
        "-j",
        "2",
        "-t",
        String(TRANSACTIONS_OF_EACH),
      ];
      const stdout = await succeed("pgbench", [...options, url], { timeoutMs: 60_000 });
      const all = CLIENTS * TRANSACTIONS_OF_EACH;
      expect(stdout).toContain(`number of transactions actually processed: ${all}/${all}`);
      expect(stdout).toContain("number of failed transactions: 0 ");
      const { stdout: found } = await psql(
        database.url,
        `select (select count(*) from pgbench_history), (select sum(abalance) from pgbench_accounts) =
          (select sum(delta) from pgbench_history)`,
      );
      expect(found.trim()).toBe(`${all}|t`);
    });
  });

  it.each(MODES)(
    `\\copy of ${COPY_MB} MB goes in and out in %s mode, with flat memory`,
    async (mode) => {
      const database = await newDatabase();
      const url = through(mode, database);
      await succeed("psql", ["-X", "-q", "-d", url, "-c", "create table copied (n int, text text)"]);
      const before = memoryMb();
      let most = before;
      const watching = setInterval(() => {
        most = Math.max(most, memoryMb());
      }, 100);
      try {
        // 1024 bytes a line, with the number in front and the two ends.
        const lines = `seq 1 ${COPY_MB * 1024} | awk '{ printf "%d\\t%0*d\\n", $1, 1022 - length($1), $1 }'`;
        const limits = { timeoutMs: 60_000 + COPY_MB * 500 };
        const copyIn = `\\copy copied from program '${lines.replaceAll("'", "''")}'`;
        const copied = await succeed("psql", ["-X", "-d", url, "-c", copyIn], limits);
        expect(copied.trim()).toBe(`COPY ${COPY_MB * 1024}`);
        const out = await succeed(
          "psql",
          ["-X", "-d", url, "-c", `\\copy copied to program 'md5sum > ${join(folder, "out.md5")}'`],
          limits,
        );
        expect(out.trim()).toBe(`COPY ${COPY_MB * 1024}`);
        await succeed(
          "psql",
          [
            "-X",
            "-d",
            database.url,
            "-c",
            `\\copy copied to program 'md5sum > ${join(folder, "direct.md5")}'`,
          ],
          limits,
        );
        const sumOf = (name: string): string => readFileSync(join(folder, `${name}.md5`), "utf8");
        expect(sumOf("out")).toBe(sumOf("direct"));
      } finally {
        clearInterval(watching);
      }
      expect(most - before).toBeLessThan(GROWTH_MB);
    },
    120_000 + COPY_MB * 1500,
  );

  function memoryMb(): number {
    let kilobytes = 0;
    for (const pid of familyOf(fleet.dataPlane.pid)) {
      try {
        kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
      } catch {
        // It ended meanwhile.
      }
    }
    return kilobytes / 1024;
  }
});
