import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_REGION, prepareCredentials } from "@sluice/local/credentials";
import { dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { PlaneProcess } from "@sluice/local/plane-process";
import { dataPlaneMain } from "@sluice/local/workspace";
import { scopeOfRegion } from "@sluice/shared/bundle";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import { cell } from "../cells.js";
import { externalIdOf, RecordMaker, SignedTenants, signingOf } from "../load/signed-tenants.js";
import type { LoneMeasure, Row } from "../measure.js";
import { cpuSecondsOf, familyOf, memoryOf } from "../processes.js";

const MIB = 2 ** 20;
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 20_000;
/** Nobody listens there. */
const NO_CONTROL_PLANE = 9;

/** The real process, from its start until one of its tenants has logged in and has the answer to a query. */
export const startFromDisk: LoneMeasure = {
  name: "start-from-disk",
  what: "a data plane is started with many tenants on its disk and no control plane, until one of them logs in and queries a Postgres",
  async measure({ quick, note }) {
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    const count = quick ? 10_000 : 100_000;
    const folder = mkdtempSync("/tmp/sluice-bench-");
    chmodSync(folder, 0o711);
    const postgres = await EmbeddedPostgres.start({
      folder: join(folder, "postgres"),
      port: 0,
      fsync: false,
    });
    try {
      const credentials = await prepareCredentials(join(folder, "credentials"));
      const dataFolder = join(folder, "data-plane");
      const { host, port, user, password } = postgres;
      const database = { host, port, user, password, database: "postgres" };
      const maker = await RecordMaker.make(scopeOfRegion(LOCAL_REGION), database);
      const begunMs = performance.now();
      await SignedTenants.write(dataFolder, count, maker, signingOf(credentials));
      note(`${count} tenants are on disk after ${Math.round((performance.now() - begunMs) / 1000)} s`);
      const ports = { transaction: 0, session: 0, operations: 0 };
      const environment = dataPlaneEnvironment(credentials, ports, NO_CONTROL_PLANE, dataFolder);
      const starts: readonly (readonly [string, number])[] = [
        // What was written was examined by another build: the benchmark.
        ["after an upgrade, 1 worker", 1],
        ["1 worker", 1],
        ["2 workers", 2],
      ];
      for (const [how, workers] of starts) {
        const name = `${count.toLocaleString("en-US")} tenants, ${how}`;
        await cell(rows, name, note, async () => {
          const measured: Started[] = [];
          for (let round = 0; round < (how.startsWith("after") || quick ? 1 : 3); round += 1) {
            const started = await start(
              { ...environment, DATA_PLANE_WORKERS: String(workers) },
              database,
              count >> 1,
            );
            measured.push(started);
            note(`${how}: ${JSON.stringify(started)}`);
          }
          rounds[name] = measured;
          return measured.toSorted((a, b) => a["first query s"] - b["first query s"])[measured.length >> 1];
        });
      }
      return { rows, rounds, plot: undefined };
    } finally {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
      rmSync(postgres.folder, { recursive: true, force: true });
    }
  },
};

export type Started = Readonly<Record<"ready s" | "first query s" | "CPU s" | "MiB", number>>;

export async function start(
  environment: Readonly<Record<string, string>>,
  {
    user,
    password,
    database,
  }: { readonly user: string; readonly password: string; readonly database: string },
  tenant: number,
): Promise<Started> {
  const begunMs = performance.now();
  const seconds = (): number => (performance.now() - begunMs) / 1000;
  const plane = await PlaneProcess.start({
    name: "data plane",
    main: dataPlaneMain,
    environment: { ...environment, LOG_LEVEL: "warn" },
    onLine: () => undefined,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
  try {
    const ready = seconds();
    const client = new pg.Client({
      host: "127.0.0.1",
      port: plane.ports.transaction ?? 0,
      user: `${user}.${externalIdOf(tenant)}`,
      password,
      database,
      connectionTimeoutMillis: 30_000,
    });
    await client.connect();
    try {
      const { rows } = await client.query<{ one: number }>("select 1 as one");
      if (rows[0]?.one !== 1) throw new Error("the query has another answer");
    } finally {
      await client.end();
    }
    const firstQuery = seconds();
    const family = familyOf(plane.pid);
    return {
      "ready s": ready,
      "first query s": firstQuery,
      "CPU s": cpuSecondsOf(family),
      MiB: memoryOf(family) / MIB,
    };
  } finally {
    await plane.stop(STOP_TIMEOUT_MS);
  }
}
