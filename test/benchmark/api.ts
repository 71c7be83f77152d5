import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { cpus } from "node:os";
import { join } from "node:path";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import { GUIDE_TOKEN } from "../integration/control-plane/guide.js";
import { Replica } from "../integration/control-plane/replica.js";

/*
 * The API with many tenants: how long a page of the list, one tenant and a change take. Run by `make bench_api`.
 */

const TENANTS = 10_000;
const ROUNDS = 1000;
const WRITERS = 8;
const RESULT = join(import.meta.dirname, "../../../reports/bench-api.json");

interface Figures {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync("/tmp/sluice-bench-");
  chmodSync(folder, 0o711);
  const postgres = await EmbeddedPostgres.start({ folder: join(folder, "data"), port: 0 });
  try {
    const { host, port, user, password } = postgres;
    const client = new pg.Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    await client.query("CREATE DATABASE bench");
    await client.end();
    const figures = await measure(`postgresql://${user}:${password}@${host}:${port}/bench`);
    report(figures);
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(postgres.folder, { recursive: true, force: true });
  }
}

async function measure(url: string): Promise<Readonly<Record<string, Figures>>> {
  const replica = await Replica.start(url);
  await replica.publisher.ensureScope("region:bench");
  const server = createServer(replica.app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: WRITERS });
  const { port } = server.address() as AddressInfo;
  const send = (method: string, path: string, body?: unknown) => timed(agent, port, method, path, body);
  try {
    const creations = await concurrently(TENANTS, (i) => send("PUT", `/api/tenants/${nameOf(i)}`, tenant(i)));
    const pages = await inTurn(ROUNDS, (i) =>
      send(
        "GET",
        `/api/tenants?limit=100&cursor=${Buffer.from(nameOf((i * 97) % TENANTS)).toString("base64url")}`,
      ),
    );
    const gets = await inTurn(ROUNDS, (i) => send("GET", `/api/tenants/${nameOf((i * 97) % TENANTS)}`));
    const changes = await inTurn(ROUNDS, (i) =>
      send("PUT", `/api/tenants/${nameOf((i * 97) % TENANTS)}`, { tenant: { db_port: 6000 + i } }),
    );
    return {
      [`creating ${TENANTS} tenants, ${WRITERS} at once`]: figuresOf(creations),
      "a page of 100": figuresOf(pages),
      "one tenant": figuresOf(gets),
      "a change": figuresOf(changes),
    };
  } finally {
    agent.destroy();
    await new Promise((resolve) => server.close(resolve));
    await replica.stop();
  }
}

function nameOf(i: number): string {
  return `tenant-${String(i).padStart(6, "0")}`;
}

function tenant(i: number): unknown {
  const users = [1, 2].map((n) => ({ db_user: `user_${n}`, db_password: `secret-${i}-${n}`, pool_size: 10 }));
  return {
    tenant: { db_host: "db.example.com", db_port: 5432, db_database: "app", require_user: true, users },
  };
}

/** @returns milliseconds. @throws for any answer but a good one */
function timed(agent: Agent, port: number, method: string, path: string, body: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const sent = request(
      {
        agent,
        port,
        host: "127.0.0.1",
        method,
        path,
        headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
      },
      (response) => {
        response.resume().on("end", () => {
          const { statusCode = 0 } = response;
          if (statusCode >= 200 && statusCode < 300) resolve(performance.now() - startMs);
          else reject(new Error(`${method} ${path}: ${statusCode}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function inTurn(count: number, once: (i: number) => Promise<number>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) took.push(await once(i));
  return took;
}

async function concurrently(count: number, once: (i: number) => Promise<number>): Promise<number[]> {
  const took: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) took.push(await once(next++));
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
  return took;
}

function figuresOf(took: readonly number[]): Figures {
  const sorted = [...took].sort((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return Math.round(value * 100) / 100;
  };
  return { requests: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

function report(figures: Readonly<Record<string, Figures>>): void {
  for (const [what, { p50Ms, p95Ms, p99Ms }] of Object.entries(figures)) {
    process.stdout.write(`${what.padEnd(44)} p50 ${p50Ms} ms, p95 ${p95Ms} ms, p99 ${p99Ms} ms\n`);
  }
  mkdirSync(join(RESULT, ".."), { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? "", node: process.version };
  writeFileSync(RESULT, `${JSON.stringify({ machine, tenants: TENANTS, figures }, null, 2)}\n`);
}

await main();
