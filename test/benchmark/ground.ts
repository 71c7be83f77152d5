import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import { TestCa } from "../support/certificates.js";
import type { Course } from "./contestants/contestant.js";
import { direct } from "./contestants/direct.js";
import { findPgBouncer, startPgBouncer } from "./contestants/pgbouncer.js";
import { startSluice } from "./contestants/sluice.js";
import { Interruption } from "./interruption.js";
import { fillTables } from "./load/pgbench.js";
import type { Ground } from "./measure.js";
import { pin } from "./processes.js";

/** The pooler has this processor to itself, the load generator the other; Postgres takes what is left of both. */
const POOLER_PROCESSOR = 0;
const LOAD_PROCESSOR = 1;
const SCALE = 5;

export interface GroundOptions {
  readonly quick: boolean;
  readonly pinned: boolean;
  readonly note: (line: string) => void;
  readonly dataPlaneEnvironment?: Readonly<Record<string, string>>;
}

/** On a ground of its own, which is closed behind it, and where a signal ends this process. */
export async function onGround<T>(options: GroundOptions, use: (ground: Ground) => Promise<T>): Promise<T> {
  const interruption = new Interruption();
  try {
    const ground = await openGround(options);
    try {
      return await interruption.unlessTold(() => use(ground));
    } finally {
      await ground.close();
    }
  } finally {
    await interruption.over();
  }
}

/** Postgres with pgbench's tables, our fleet and PgBouncer, all running. */
export async function openGround(options: GroundOptions): Promise<Ground & { close(): Promise<void> }> {
  const folder = mkdtempSync("/tmp/sluice-bench-");
  chmodSync(folder, 0o711);
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const postgres = await EmbeddedPostgres.start({
      folder: join(folder, "data"),
      port: 0,
      fsync: false,
      maxConnections: 1200,
    });
    closing.push(async () => {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
      rmSync(postgres.folder, { recursive: true, force: true });
    });
    const { host, port, user, password } = postgres;
    const poolerProcessor = options.pinned ? POOLER_PROCESSOR : undefined;
    const course: Course = {
      ...{ host, port, user, password, database: "bench" },
      ...{ verifier: await makeDatabase(postgres), poolSize: 20, maxClients: 18_000, poolerProcessor },
    };
    const contestant = direct(course);
    await fillTables(contestant, SCALE);
    const ca = await TestCa.make("Benchmark");
    const pair = await ca.issue({ commonName: "localhost", dns: ["localhost"], ip: ["127.0.0.1"] });
    const sluice = await startSluice(course, { workers: 1, environment: options.dataPlaneEnvironment ?? {} });
    closing.push(() => sluice.stop());
    const binary = findPgBouncer();
    const pgbouncer = binary === undefined ? undefined : await startPgBouncer(binary, course, pair);
    if (pgbouncer !== undefined) closing.push(() => pgbouncer.stop());
    for (const pooler of [sluice, pgbouncer]) {
      if (pooler !== undefined && poolerProcessor !== undefined) pin(pooler.pids(), poolerProcessor);
    }
    return {
      course,
      direct: contestant,
      sluice,
      pgbouncer,
      loadProcessor: options.pinned ? LOAD_PROCESSOR : undefined,
      quick: options.quick,
      note: options.note,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @returns the SCRAM verifier of its user */
async function makeDatabase({ host, port, user, password }: EmbeddedPostgres): Promise<string> {
  const client = new pg.Client({ host, port, user, password, database: "postgres" });
  await client.connect();
  try {
    await client.query("CREATE DATABASE bench");
    const { rows } = await client.query<{ rolpassword: string }>(
      "SELECT rolpassword FROM pg_authid WHERE rolname = $1",
      [user],
    );
    return rows[0]?.rolpassword ?? "";
  } finally {
    await client.end();
  }
}
