import { setTimeout as after } from "node:timers/promises";
import type pg from "pg";
import { connectionsOf } from "./connections.js";
import type { Verdict } from "./verdict.js";
import { MODES, ROLE, type World } from "./world.js";

const EVERY_MS = 25;
/** Nobody keeps a server for longer than all the episodes of a life take. */
const RELEASED_WITHIN_MS = 30_000;

interface Backend {
  readonly usename: string;
  readonly client_port: number;
}

/**
 * Counts, again and again while others break things, the servers of each pool: sessions of Postgres whose other end
 * the data plane still holds open. A session that ends a moment after its socket is not the pool's any more.
 */
export class Census {
  readonly #world: World;
  readonly #verdict: Verdict;
  readonly #counting: Promise<void>;
  #ended = false;
  /** Pool sizes that were in force, and until when. */
  readonly #earlier: { readonly size: number; readonly untilMs: number }[] = [];
  most = 0;
  looks = 0;

  constructor(world: World, verdict: Verdict) {
    this.#world = world;
    this.#verdict = verdict;
    this.#counting = this.#count();
  }

  /** The size of the pools is to be another: `size` was in force up to now. */
  sizeChanges(size: number): void {
    this.#earlier.push({ size, untilMs: performance.now() });
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#counting;
  }

  async #count(): Promise<void> {
    let client: pg.Client | undefined;
    while (!this.#ended) {
      try {
        client ??= await this.#world.direct();
        const { rows } = await client.query<Backend>(
          "select usename, client_port from pg_stat_activity where usename = any($1)",
          [Object.values(ROLE)],
        );
        this.#judge(rows);
      } catch {
        // The database is away or was killed.
        client?.end().catch(() => undefined);
        client = undefined;
      }
      await after(EVERY_MS);
    }
    await client?.end();
  }

  #judge(backends: readonly Backend[]): void {
    const open = this.#openPorts();
    this.looks += 1;
    for (const mode of MODES) {
      const count = backends.filter(
        ({ usename, client_port }) => usename === ROLE[mode] && open.has(client_port),
      ).length;
      this.most = Math.max(this.most, count);
      const allowed = this.#allowed;
      if (count > allowed)
        this.#verdict.violated("census", `${count} servers in ${mode} mode where ${allowed} may be`);
    }
  }

  /** Servers in use when the size is lowered are not torn from their clients: those above it end at their release. */
  get #allowed(): number {
    const stillCount = this.#earlier.filter(
      ({ untilMs }) => performance.now() - untilMs < RELEASED_WITHIN_MS,
    );
    return Math.max(this.#world.poolSize, ...stillCount.map(({ size }) => size));
  }

  /** Our ends of connections to the database that a process of the data plane holds. */
  #openPorts(): ReadonlySet<number> {
    const toDatabase = connectionsOf(this.#world.dataPlanePids).filter(
      ({ remotePort, established }) => established && remotePort === this.#world.databasePort,
    );
    return new Set(toDatabase.map(({ localPort }) => localPort));
  }
}
