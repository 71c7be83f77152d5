import { eventually } from "../../support/eventually.js";
import { RawClient } from "../../support/raw-client.js";
import { WITNESS_QUERY } from "../differential/witness.js";
import { connectionsOf } from "./connections.js";
import { MODES, type Mode, PASSWORD, ROLE, TENANT, type World } from "./world.js";

const SETTLE = { timeoutMs: 30_000, everyMs: 100 };

interface Left {
  readonly usename: string;
  readonly state: string;
  readonly query: string;
  readonly locks: number;
}

/** Waits until nothing of the run is left: no client, no transaction, no lock, no server too many. */
export async function settled(world: World): Promise<void> {
  const direct = await eventually("the database is back", () => world.direct(), SETTLE);
  try {
    const backends = async (): Promise<readonly Left[]> =>
      (
        await direct.query<Left>(
          `select usename, state, query, (select count(*)::int from pg_locks l where l.pid = a.pid) as locks
           from pg_stat_activity a where usename = any($1)`,
          [Object.values(ROLE)],
        )
      ).rows;
    let left: readonly Left[] = [];
    const clean = eventually(
      "all servers are idle, and no more than the pool's size",
      async () => {
        left = await backends();
        const idle = left.every(({ state, locks }) => state === "idle" && locks === 0);
        return (
          idle &&
          MODES.every((mode) => left.filter(({ usename }) => usename === ROLE[mode]).length <= world.poolSize)
        );
      },
      SETTLE,
    );
    await clean.catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(left)}`);
    });
    await eventually(
      "the data plane holds no connection but those to its servers",
      async () => leftOver(world, (await backends()).length),
      SETTLE,
    );
    for (const name of ["sluice_clients", "sluice_clients_waiting", "sluice_servers_pinned"]) {
      await eventually(
        `${name} is 0 again`,
        async () => {
          const other = (await world.metric(name)).filter((line) => !line.endsWith(" 0"));
          if (other.length > 0) throw new Error(other.join("; "));
          return true;
        },
        SETTLE,
      );
    }
  } finally {
    await direct.end();
  }
}

/** True when there is none; else it throws what is left. */
function leftOver(world: World, backends: number): true {
  const { transaction, session } = world.fleet.dataPlane.ports;
  const all = connectionsOf(world.dataPlanePids);
  const ofClients = all.filter(({ localPort }) => localPort === transaction || localPort === session);
  const toServers = all.filter(({ remotePort }) => remotePort === world.databasePort);
  if (ofClients.length > 0 || toServers.length !== backends)
    throw new Error(`${ofClients.length} of clients, ${toServers.length} to ${backends} servers`);
  return true;
}

/** Looks at all servers of a pool at once, for what a client has left on them. */
export async function remains(world: World, mode: Mode): Promise<readonly string[]> {
  const fresh = await asSeenBy(world.databasePort, ROLE[mode], 1);
  const found = await asSeenBy(world.fleet.dataPlane.ports[mode], `${ROLE[mode]}.${TENANT}`, world.poolSize);
  return found.filter((line) => !fresh.includes(line));
}

async function asSeenBy(port: number, user: string, count: number): Promise<readonly string[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  try {
    await Promise.all(
      clients.map((client) => client.logIn({ user, database: "postgres" }, { password: PASSWORD })),
    );
    await Promise.all(clients.map((client) => client.query("begin")));
    const rows = await Promise.all(clients.map((client) => client.query(WITNESS_QUERY)));
    await Promise.all(clients.map((client) => client.query("commit")));
    return rows.flat().map((row) => row.join(" = "));
  } finally {
    for (const client of clients) client.close();
  }
}
