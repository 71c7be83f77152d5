import { setTimeout as after } from "node:timers/promises";
import type { Census } from "./census.js";
import type { Random } from "./random.js";
import { MOST_SERVERS, ROLE, type World } from "./world.js";

export interface Wreck {
  readonly name: string;
  readonly weight: number;
  /** Throws when it has not come about. */
  readonly run: (world: World, random: Random, census: Census) => Promise<void>;
}

/** What breaks one after the other, independent of what breaks elsewhere. Each wreck leaves everything as it may stay. */
export interface Realm {
  readonly name: string;
  /** Between two of them: from, to. */
  readonly calmMs: readonly [number, number];
  readonly wrecks: readonly Wreck[];
}

const DATABASE: Realm = {
  name: "the database",
  calmMs: [50, 1500],
  wrecks: [
    {
      name: "a backend is terminated",
      weight: 10,
      run: async (world, random) => {
        const pid = await backendOf(world, random);
        const direct = await world.direct();
        await direct.query("select pg_terminate_backend($1)", [pid]);
        await direct.end();
      },
    },
    {
      name: "a backend stands still",
      weight: 10,
      run: async (world, random) => standStill(await backendOf(world, random), random.between(20, 1500)),
    },
    {
      name: "a backend crashes",
      weight: 2,
      run: async (world, random) => signal(await backendOf(world, random), "SIGKILL"),
    },
    { name: "the database restarts", weight: 1, run: (world) => world.restartPostgres() },
  ],
};

const DATA_PLANE: Realm = {
  name: "the data plane",
  calmMs: [200, 4000],
  wrecks: [
    {
      name: "a worker stands still",
      weight: 4,
      run: async (world, random) => standStill(random.pick(world.workerPids), random.between(20, 800)),
    },
    {
      name: "the primary stands still",
      weight: 2,
      run: async (world, random) => standStill(world.fleet.dataPlane.pid, random.between(20, 800)),
    },
    {
      name: "a worker is killed",
      weight: 3,
      run: async (world, random) => signal(random.pick(world.workerPids), "SIGKILL"),
    },
    {
      name: "the data plane is killed",
      weight: 1,
      run: async (world) => {
        await world.fleet.dataPlane.kill();
        await world.fleet.dataPlane.start();
      },
    },
    {
      name: "the data plane restarts",
      weight: 1,
      run: async (world) => {
        await world.fleet.dataPlane.stop();
        await world.fleet.dataPlane.start();
      },
    },
  ],
};

const OPERATOR: Realm = {
  name: "the operator",
  calmMs: [50, 2000],
  wrecks: [
    {
      name: "the tenant is paused",
      weight: 3,
      run: async (world, random) => {
        await world.order("pause");
        await after(random.between(50, 1000));
        await world.order("resume");
      },
    },
    { name: "sessions are terminated", weight: 2, run: (world) => world.order("terminate") },
    {
      name: "the pool's size changes",
      weight: 4,
      run: async (world, random, census) => {
        const before = world.poolSize;
        const size = random.between(2, MOST_SERVERS + 1);
        census.sizeChanges(before);
        world.poolSize = size;
        try {
          await world.put();
        } catch (error) {
          // Without an answer nobody knows which of them is in force.
          world.poolSize = Math.max(before, size);
          throw error;
        }
      },
    },
    {
      name: "servers may not live long",
      weight: 2,
      run: (world, random) =>
        world.put({ server_lifetime: random.between(200, 3000), server_idle_timeout: 500 }),
    },
    {
      name: "the control plane is killed",
      weight: 1,
      run: async (world) => {
        await world.fleet.controlPlane.kill();
        await world.fleet.controlPlane.start();
      },
    },
  ],
};

export const REALMS: readonly Realm[] = [DATABASE, DATA_PLANE, OPERATOR];

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function standStill(pid: number, forMs: number): Promise<void> {
  signal(pid, "SIGSTOP");
  try {
    await after(forMs);
  } finally {
    signal(pid, "SIGCONT");
  }
}

/** A session of one of the pools, as the database knows it. Throws when there is none. */
async function backendOf(world: World, random: Random): Promise<number> {
  const direct = await world.direct();
  try {
    const { rows } = await direct.query<{ pid: number }>(
      "select pid from pg_stat_activity where usename = any($1) order by backend_start",
      [Object.values(ROLE)],
    );
    return random.pick(rows).pid;
  } finally {
    await direct.end();
  }
}
