import { setTimeout as after } from "node:timers/promises";
import pg from "pg";
import type { Actor, Way } from "./actor.js";
import { isOfBreakage } from "./outcomes.js";
import { PASSWORD, ROLE, TENANT } from "./world.js";

const CONNECTION_LOST =
  /Connection terminated|ECONN|EPIPE|CONNECTION_|CONNECT_TIMEOUT|not queryable|timeout expired|write after end|socket hang/i;
const ROUNDS = 30;

/** By a driver, as applications do, prepared statements included. */
export const DRIVER_WAY: Way = {
  live: (actor, ended) => {
    const alone = !actor.anybodyDid("pg") || (actor.anybodyDid("pg.Pool") && actor.random.chance(0.5));
    return alone ? withClient(actor, ended) : withPool(actor, ended);
  },
  ended: explained,
};

async function withClient(actor: Actor, ended: () => boolean): Promise<void> {
  actor.does("pg");
  const client = new pg.Client({
    ...addressFor(actor),
    connectionTimeoutMillis: 20_000,
    query_timeout: 30_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    for (let round = 0; round < ROUNDS && !ended(); round++) {
      const mark = actor.mark();
      const named = await client.query<{ mark: string; who: string }>({
        name: "the same of all",
        text: `select $1::text as mark, '${actor.who}' as who`,
        values: [mark],
      });
      actor.check("pg", named.rows, [{ mark, who: actor.who }]);
      const error = await client.query(`select cast('${mark}' as int)`).catch((thrown: Error) => thrown);
      if (!(error instanceof Error && error.message.includes(mark))) throw error;
      await client.query("begin");
      const { rows } = await client.query("select $1::text as mark", [mark]);
      actor.check("pg", rows, [{ mark }]);
      await client.query(actor.random.chance(0.5) ? "commit" : "rollback");
      actor.did("pg");
    }
  } finally {
    await Promise.race([client.end().catch(() => undefined), after(2000)]);
  }
}

async function withPool(actor: Actor, ended: () => boolean): Promise<void> {
  actor.does("pg.Pool");
  const max = actor.mode === "session" ? 1 : 3;
  const pool = new pg.Pool({
    ...addressFor(actor),
    max,
    connectionTimeoutMillis: 20_000,
    query_timeout: 30_000,
    idleTimeoutMillis: 20,
  });
  pool.on("error", () => undefined);
  try {
    for (let round = 0; round < ROUNDS && !ended(); round++) {
      const asked = Array.from({ length: 2 * max }, async () => {
        const mark = actor.mark();
        const text = `select $1::text as mark, '${actor.who}' as who`;
        const { rows } = await pool.query({ name: "of a pool", text, values: [mark] });
        actor.check("pg.Pool", rows, [{ mark, who: actor.who }]);
      });
      await Promise.all(asked.map((each) => each.catch((error: unknown) => explained(actor, error))));
      actor.did("pg.Pool");
    }
  } finally {
    await Promise.race([pool.end().catch(() => undefined), after(2000)]);
  }
}

function addressFor({ mode, world }: Actor) {
  return {
    host: "127.0.0.1",
    port: world.fleet.dataPlane.ports[mode],
    user: `${ROLE[mode]}.${TENANT}`,
    password: PASSWORD,
    database: "postgres",
  };
}

/** Breakage explains a lost connection and some errors, and nothing else. */
function explained(actor: Actor, error: unknown): void {
  const { code, message = String(error) } = (error ?? {}) as { code?: string; message?: string };
  actor.verdict.count("driver errors");
  if (isOfBreakage(code) || CONNECTION_LOST.test(`${code} ${message}`)) return;
  actor.violated(`a driver was told ${code ?? ""} ${message}`);
}
