import { messageOf } from "@sluice/shared/errors";
import pg from "pg";
import { Edge, tenantOn } from "../../integration/login/edge.js";
import { createDatabase, type Database } from "../../support/database.js";
import { Neighbour } from "./neighbour.js";
import { type Address, play } from "./play.js";
import type { Script } from "./script.js";
import { witnessed } from "./witness.js";

export const WAYS = [
  "session",
  "transaction",
  "transaction, in pieces",
  "transaction, with a neighbour",
] as const;
export type Way = (typeof WAYS)[number];

/** A way on which a script went otherwise than directly, and the first lines that tell so. */
export interface Difference {
  readonly way: Way;
  readonly told: string;
}

const PIECES = [1, 3, 2, 7, 1, 5, 64, 1, 13];
/** Scripts of several clients need as many servers, at most. */
const WIDE = 4;
/** A neighbour that waits for longer waits for a server that is not given back. */
const CHECKOUT_TIMEOUT_MS = 2000;

const FIXTURE = `
  drop schema public cascade; create schema public;
  create table item (id int primary key, name text);
  insert into item values (1, 'one'), (2, 'two'), (3, 'three');
  create table log (line text);
  create function complain(what text) returns int language plpgsql as
    $$ begin raise notice '%', what; return length(what); end $$;`;

/** Where scripts are played one after the other: a database, and data planes' pools on it. */
export class Lane {
  readonly #database: Database;
  readonly #admin: pg.Client;
  readonly #edge: Edge;
  #tenants = 0;
  #pools: { narrow: string; wide: string };
  #fresh: readonly string[] = [];

  private constructor(database: Database, admin: pg.Client, edge: Edge) {
    this.#database = database;
    this.#admin = admin;
    this.#edge = edge;
    this.#pools = { narrow: "", wide: "" };
  }

  static async open(): Promise<Lane> {
    const database = await createDatabase();
    const admin = new pg.Client(database.url);
    await admin.connect();
    const lane = new Lane(database, admin, await Edge.start());
    await admin.query("create schema neighbourhood");
    await lane.#newPools();
    lane.#fresh = await witnessed(lane.#direct);
    return lane;
  }

  async close(): Promise<void> {
    await this.#edge.stop();
    await this.#admin.end();
    await this.#database.drop();
  }

  /** Plays a script directly and on every way, and tells where they part. */
  async differences(script: Script): Promise<readonly Difference[]> {
    const expected = await this.#played(script, this.#direct);
    const found: Difference[] = [];
    for (const way of WAYS) {
      const told = await this.#partsOn(way, script, expected);
      if (told === undefined) continue;
      found.push({ way, told });
      // What it has left behind is not the next script's fault.
      await this.#newPools();
    }
    return found;
  }

  get #direct(): Address {
    const { port, user, password, database } = this.#database;
    return { port, user, password, database };
  }

  async #partsOn(way: Way, script: Script, expected: readonly string[]): Promise<string | undefined> {
    const wide = new Set(script.steps.map((step) => (typeof step === "string" ? "a" : step.client))).size > 1;
    const pool = wide ? this.#pools.wide : this.#pools.narrow;
    const address: Address = {
      ...this.#direct,
      user: `${this.#database.user}.${pool}`,
      port: way === "session" ? this.#edge.sessionPort : this.#edge.port,
    };
    const neighbour =
      way === "transaction, with a neighbour"
        ? await Neighbour.arrive(address, this.#database.user)
        : undefined;
    try {
      await neighbour?.work();
      const got = await this.#played(
        script,
        address,
        way === "transaction, in pieces" ? PIECES : undefined,
        neighbour,
      );
      await neighbour?.work();
      return firstParting(expected, got) ?? leftBehind(this.#fresh, await witnessed(address));
    } catch (error) {
      return messageOf(error);
    } finally {
      neighbour?.leave();
    }
  }

  async #played(
    script: Script,
    address: Address,
    pieces?: readonly number[],
    neighbour?: Neighbour,
  ): Promise<readonly string[]> {
    await this.#admin.query(FIXTURE);
    if (script.before !== undefined) await this.#admin.query(script.before);
    return await play(script, address, {
      ...(pieces === undefined ? {} : { pieces }),
      ...(neighbour === undefined ? {} : { between: () => neighbour.work() }),
    });
  }

  async #newPools(): Promise<void> {
    await this.#admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    const { user, password } = this.#database;
    this.#tenants += 1;
    this.#pools = { narrow: `narrow${this.#tenants}`, wide: `wide${this.#tenants}` };
    for (const [name, poolSize] of [
      [this.#pools.narrow, 1],
      [this.#pools.wide, WIDE],
    ] as const) {
      const users = [
        {
          name: user,
          password,
          manager: true,
          poolSize,
          iterations: 1,
          checkoutTimeoutMs: CHECKOUT_TIMEOUT_MS,
        },
      ];
      await this.#edge.put(name, tenantOn(this.#database, { dbDatabase: this.#database.database, users }));
    }
  }
}

function firstParting(expected: readonly string[], got: readonly string[]): string | undefined {
  const at = expected.findIndex((line, n) => line !== got[n]);
  const from = at === -1 ? expected.length : at;
  if (at === -1 && got.length === expected.length) return undefined;
  const shown = (lines: readonly string[]): string => lines.slice(from, from + 4).join("\n    ") || "nothing";
  return `after ${from} lines\n  directly:\n    ${shown(expected)}\n  pooled:\n    ${shown(got)}`;
}

function leftBehind(fresh: readonly string[], found: readonly string[]): string | undefined {
  const more = found.filter((line) => !fresh.includes(line));
  return more.length === 0 ? undefined : `left behind: ${more.join(", ")}`;
}
