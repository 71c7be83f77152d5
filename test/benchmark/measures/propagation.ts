import { setTimeout as sleep } from "node:timers/promises";
import { TestCa } from "../../support/certificates.js";
import { BenchedControlPlane } from "../load/control-plane.js";
import { Subscribers } from "../load/subscribers.js";
import type { Ground, LoneMeasure, Outcome, Row } from "../measure.js";
import { cpuSecondsOf, peakMemoryOf, residentMemoryOf } from "../processes.js";
import { percentile } from "../statistics.js";

const MIB = 2 ** 20;
const LONG_MS = 300_000;
const REGION = "bench";
const LARGE_REGION = "large";
/** So many of these make a record of some 5 KiB. */
const CERTIFICATES_OF_A_TENANT = 11;

interface Sizes {
  readonly tenants: number;
  readonly writes: number;
  readonly loadSeconds: number;
  readonly streams: number;
  readonly idleSeconds: number;
  readonly largeTenants: number;
  readonly nodes: number;
}

const FULL: Sizes = {
  ...{ tenants: 10_000, writes: 200, loadSeconds: 15 },
  ...{ streams: 1000, idleSeconds: 30, largeTenants: 10_000, nodes: 100 },
};
const QUICK: Sizes = {
  ...{ tenants: 1000, writes: 30, loadSeconds: 3 },
  ...{ streams: 200, idleSeconds: 5, largeTenants: 1000, nodes: 20 },
};

interface Written {
  readonly generation: bigint;
  readonly sentMs: number;
}

interface Propagated {
  /** From the sending of the PUT until the last subscriber's ack was answered. Sorted. */
  readonly toAllMs: readonly number[];
  /** From the commit to each ack, as the control plane has written it down. Sorted. */
  readonly commitToAckMs: readonly number[];
  readonly cpuMsPerWrite: number;
}

/**
 * What a change costs on its way, and what the control plane needs: one process, with a Postgres of its own that makes
 * everything durable, and light subscribers over real streams. The poolers of the ground stand idle.
 */
export const propagation: LoneMeasure = {
  name: "propagation",
  what: "a tenant's change from PUT until every subscriber has acked it, and what the one control-plane process needs",
  measure: (ground) => measurePropagation(ground),
};

async function measurePropagation({ quick, note }: Pick<Ground, "quick" | "note">): Promise<Outcome> {
  const sizes = quick ? QUICK : FULL;
  const plane = await BenchedControlPlane.make();
  try {
    await plane.start();
    const startMs = performance.now();
    await plane.putAll(sizes.tenants, nameOf, (index) => smallTenant(index, 5432));
    note(`${sizes.tenants} tenants made in ${Math.round((performance.now() - startMs) / 1000)} s`);
    const rows: Row[] = [];
    const rounds: Record<string, unknown> = {};
    for (const part of [hundredSubscribers, manyStreams, largeSnapshots]) {
      const found = await part(plane, sizes, note);
      rows.push(...found.rows);
      Object.assign(rounds, found.rounds);
    }
    return { rows, rounds, plot: undefined };
  } finally {
    await plane.remove();
  }
}

type Part = (
  plane: BenchedControlPlane,
  sizes: Sizes,
  note: (line: string) => void,
) => Promise<Pick<Outcome, "rows"> & { readonly rounds: Readonly<Record<string, unknown>> }>;

const hundredSubscribers: Part = async (plane, { tenants, writes, loadSeconds }, note) => {
  const subscribers = new Subscribers();
  try {
    subscribers.start(await plane.task(REGION, "hundred", 100), 1);
    const first = await plane.put(nameOf(0), smallTenant(0, 6000));
    await subscribers.allHold(first, LONG_MS);
    const alone = await propagated(plane, subscribers, () => oneByOne(plane, subscribers, tenants, writes));
    note("one write after the other: done");
    const busy = await propagated(plane, subscribers, () => atOnce(plane, tenants, loadSeconds));
    note("writes at once: done");
    const cell = `${tenants.toLocaleString("en-US")} tenants, 100 subscribers`;
    return {
      rows: [
        { cell: `${cell}, one write after the other`, values: figuresOf(alone) },
        {
          cell: `${cell}, ${WRITERS} writers at once`,
          values: { ...figuresOf(busy), "writes/s": busy.toAllMs.length / loadSeconds },
        },
      ],
      rounds: { alone, busy },
    };
  } finally {
    subscribers.close();
  }
};

const manyStreams: Part = async (plane, { tenants, streams, idleSeconds, writes }, note) => {
  // One that is connected first tells the others what to hold: they come as data planes that were there before.
  const scout = new Subscribers();
  const subscribers = new Subscribers();
  try {
    scout.start(await plane.task(REGION, "scout", 1), 1);
    await scout.allHold(await plane.put(nameOf(1), smallTenant(1, 6001)), LONG_MS);
    const held = scout.held;
    if (held === undefined) throw new Error("nothing is held");
    scout.close();
    await plane.stop();
    await plane.start();
    const emptyMiB = residentMemoryOf(plane.pid) / MIB;
    const comeMs = performance.now();
    subscribers.start({ ...(await plane.task(REGION, "many", streams)), held }, 2);
    await subscribers.allHold(BigInt(held.generation), LONG_MS);
    const comeS = (performance.now() - comeMs) / 1000;
    const idle = await cpuShare(plane, () => sleep(idleSeconds * 1000));
    const heldMiB = residentMemoryOf(plane.pid) / MIB;
    note(`${subscribers.open} streams are open`);
    const changes = await propagated(plane, subscribers, () =>
      oneByOne(plane, subscribers, tenants, Math.ceil(writes / 4)),
    );
    const peakMiB = peakMemoryOf(plane.pid) / MIB;
    // Killed, so that nobody is told to go: all of them find out, and come back at once.
    await plane.kill();
    const backMs = performance.now();
    await plane.start();
    const change = await plane.put(nameOf(2), smallTenant(2, 6002));
    await subscribers.allHold(change, LONG_MS);
    const backS = (performance.now() - backMs) / 1000;
    note("the control plane was killed and started again: all are back");
    const open = subscribers.open;
    return {
      rows: [
        {
          cell: `${streams.toLocaleString("en-US")} streams on one process`,
          values: {
            ...figuresOf(changes),
            "all are there after s": comeS,
            "MiB without streams": emptyMiB,
            MiB: heldMiB,
            "peak MiB": peakMiB,
            "idle CPU %": idle * 100,
            "all are back after kill -9, s": backS,
          },
        },
      ],
      rounds: { streams: { open, held, changes } },
    };
  } finally {
    scout.close();
    subscribers.close();
  }
};

const largeSnapshots: Part = async (plane, { largeTenants, nodes }, note) => {
  const ca = await Promise.all(
    Array.from({ length: CERTIFICATES_OF_A_TENANT }, (_, index) => TestCa.make(`Benchmark ${index}`)),
  );
  const bundle = ca.map(({ cert }) => cert).join("");
  await plane.putAll(
    largeTenants,
    (index) => `large-${index}`,
    () => ({
      ...smallTenant(0, 5432),
      regions: [LARGE_REGION],
      upstream_ssl: true,
      upstream_verify: "peer",
      upstream_tls_ca: bundle,
    }),
  );
  note(`${largeTenants} large tenants are there`);
  const subscribers = new Subscribers();
  try {
    await plane.stop();
    await plane.start();
    const beginMs = performance.now();
    const cpuBefore = cpuSecondsOf([plane.pid]);
    subscribers.start(await plane.task(LARGE_REGION, "large", nodes), 2);
    await subscribers.allHold(1n, LONG_MS);
    const tookS = (performance.now() - beginMs) / 1000;
    const bytes = subscribers.bytes / nodes;
    note("all have the large snapshot");
    return {
      rows: [
        {
          cell: `${nodes} nodes load ${Math.round(bytes / MIB)} MiB at once, nothing published before`,
          values: {
            "peak MiB": peakMemoryOf(plane.pid) / MIB,
            "all hold it after s": tookS,
            "CPU s": cpuSecondsOf([plane.pid]) - cpuBefore,
          },
        },
      ],
      rounds: {},
    };
  } finally {
    subscribers.close();
  }
};

const WRITERS = 4;

async function oneByOne(
  plane: BenchedControlPlane,
  subscribers: Subscribers,
  tenants: number,
  writes: number,
): Promise<readonly Written[]> {
  const written: Written[] = [];
  for (let index = 0; index < writes; index += 1) {
    const one = await write(plane, tenants, index);
    written.push(one);
    await subscribers.allHold(one.generation, LONG_MS);
  }
  return written;
}

async function atOnce(
  plane: BenchedControlPlane,
  tenants: number,
  seconds: number,
): Promise<readonly Written[]> {
  const written: Written[] = [];
  const endMs = performance.now() + seconds * 1000;
  let next = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < endMs) {
      next += 1;
      written.push(await write(plane, tenants, next));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
  return written;
}

let writes = 0;

async function write(plane: BenchedControlPlane, tenants: number, index: number): Promise<Written> {
  writes += 1;
  const of = (index * 7919) % tenants;
  const sentMs = performance.timeOrigin + performance.now();
  return { generation: await plane.put(nameOf(of), { db_port: 10_000 + (writes % 50_000) }), sentMs };
}

async function propagated(
  plane: BenchedControlPlane,
  subscribers: Subscribers,
  work: () => Promise<readonly Written[]>,
): Promise<Propagated> {
  const before = cpuSecondsOf([plane.pid]);
  const written = await work();
  const toAllMs: number[] = [];
  for (const { generation, sentMs } of written) {
    toAllMs.push((await subscribers.allHold(generation, LONG_MS)) - sentMs);
  }
  const cpuMsPerWrite = ((cpuSecondsOf([plane.pid]) - before) * 1000) / written.length;
  const generations = written.map(({ generation }) => generation).sort((a, b) => (a < b ? -1 : 1));
  // What was acked last is written down a moment later.
  await sleep(1000);
  const commitToAckMs = await plane.commitToAckMs(generations[0] ?? 0n, generations.at(-1) ?? 0n);
  return { toAllMs: toAllMs.sort((a, b) => a - b), commitToAckMs, cpuMsPerWrite };
}

function figuresOf({ toAllMs, commitToAckMs, cpuMsPerWrite }: Propagated): Row["values"] {
  return {
    "PUT to all acked p50 ms": percentile(toAllMs, 0.5),
    "p99 ms": percentile(toAllMs, 0.99),
    "commit to ack p50 ms": percentile(commitToAckMs, 0.5),
    "its p99 ms": percentile(commitToAckMs, 0.99),
    "CPU ms a write": cpuMsPerWrite,
  };
}

/** Of one processor. */
async function cpuShare(plane: BenchedControlPlane, wait: () => Promise<void>): Promise<number> {
  const [before, startMs] = [cpuSecondsOf([plane.pid]), performance.now()];
  await wait();
  return (cpuSecondsOf([plane.pid]) - before) / ((performance.now() - startMs) / 1000);
}

function nameOf(index: number): string {
  return `tenant-${String(index).padStart(6, "0")}`;
}

function smallTenant(index: number, port: number): Readonly<Record<string, unknown>> {
  return {
    db_host: "db.example.com",
    db_port: port,
    db_database: "app",
    require_user: true,
    regions: [REGION],
    users: [{ db_user: "app", db_password: `secret-${index}`, pool_size: 10 }],
  };
}
