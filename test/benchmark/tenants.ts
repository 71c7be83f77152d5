import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Directory, keepRecords } from "@sluice/data-plane/tenants/index";
import { encodeTenant, type VerifiedBytes } from "@sluice/shared/bundle";
import { externalIdOf, RecordMaker } from "./load/signed-tenants.js";

/*
 * Tenants that a worker knows and nobody uses: memory for each, and the time until they are in force. Records come from
 * another process in parts, as they do from the primary. No network and no Postgres.
 */

export const TENANT_COUNTS = [1000, 10_000, 100_000];
const SCOPE = "region:bench";
const PART_RECORDS = 1500;

interface Part {
  readonly dataKeys: ReadonlyMap<string, Uint8Array>;
  readonly upsert: ReadonlyMap<string, Uint8Array>;
  readonly last: boolean;
}

interface Figures {
  readonly tenants: number;
  readonly recordBytes: number;
  readonly residentBytesEach: number;
  readonly inForceMs: number;
  readonly oneChangeMs: number;
  readonly firstUseMs: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const PROGRAM = fileURLToPath(import.meta.url);
const DATABASE = {
  ...{ host: "db.example.com", port: 5432, database: "postgres" },
  ...{ user: "app", password: "a password of some length" },
};

/** What a worker does with them. */
function beWorker(): void {
  const directory = new Directory();
  const scope = SCOPE;
  let busyMs = 0;
  const settled = (): number => {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    return process.memoryUsage().rss;
  };
  const before = settled();
  process.on("message", (part: Part) => {
    const begunMs = performance.now();
    keepRecords(directory, {
      scope,
      dataKeys: part.dataKeys,
      upsert: part.upsert as ReadonlyMap<string, VerifiedBytes>,
      remove: [],
    });
    busyMs += performance.now() - begunMs;
    // A moment for what the messages were read into to be given back.
    if (part.last) setTimeout(() => tell(part.dataKeys, directory.size, busyMs), 2000);
  });
  const tell = (dataKeys: Part["dataKeys"], tenants: number, inForceMs: number): void => {
    const residentBytesEach = (settled() - before) / tenants;
    const ids = Array.from({ length: 200 }, (_, i) => externalIdOf(Math.floor((i * tenants) / 200)));
    const timed = (call: (id: string) => void): number =>
      median(
        ids.map((id) => {
          const begunMs = performance.now();
          call(id);
          return performance.now() - begunMs;
        }),
      );
    const firstUseMs = timed((id) => directory.find(id));
    const changed = new Map(
      [...ids].map((id) => [
        `tenant/${id}`,
        encodeTenant({ externalId: id, dbHost: "b", dbPort: 1, authQuery: "x", requireUser: true }),
      ]),
    );
    const oneChangeMs = timed((id) => {
      const body = changed.get(`tenant/${id}`) as VerifiedBytes;
      keepRecords(directory, { scope, dataKeys, upsert: new Map([[`tenant/${id}`, body]]), remove: [] });
    });
    process.send?.({ tenants, recordBytes: 0, residentBytesEach, inForceMs, oneChangeMs, firstUseMs });
  };
}

export async function measureTenants(count: number): Promise<Figures> {
  const worker = fork(PROGRAM, ["worker"], {
    serialization: "advanced",
    execArgv: ["--expose-gc"],
  });
  const answered = new Promise<Figures>((resolve, reject) => {
    worker.once("message", (figures: Figures) => resolve(figures));
    worker.once("exit", (code) => reject(new Error(`the worker ended with ${code}`)));
  });
  const maker = await RecordMaker.make(SCOPE, DATABASE);
  const dataKeys = new Map([[maker.dataKey.id, maker.dataKey.key]]);
  let recordBytes = 0;
  for (let at = 0; at < count; at += PART_RECORDS) {
    const upsert = new Map(
      Array.from({ length: Math.min(PART_RECORDS, count - at) }, (_, i) => {
        const { id, body } = maker.record(at + i);
        return [id, body] as const;
      }),
    );
    for (const body of upsert.values()) recordBytes += body.length;
    const part: Part = { dataKeys, upsert, last: at + PART_RECORDS >= count };
    await new Promise<void>((resolve, reject) =>
      worker.send(part, (error) => (error ? reject(error) : resolve())),
    );
  }
  const figures = await answered;
  worker.kill();
  return { ...figures, recordBytes: recordBytes / count };
}

if (process.argv[1] === PROGRAM && process.argv[2] === "worker") beWorker();
