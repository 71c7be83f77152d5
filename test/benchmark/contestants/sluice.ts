import { type Fleet, startFleet } from "@sluice/local/fleet";
import { putTenant, served } from "../../support/tenant-api.js";
import { familyOf } from "../processes.js";
import type { Contestant, Course } from "./contestant.js";

const TENANT = "bench";

export interface SluiceOptions {
  readonly workers: number;
  readonly name?: string;
  readonly mode?: "transaction" | "session";
  /** Of the data plane, besides what the benchmark needs. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The whole product as processes of its own: a control plane, and a data plane that pools. The data plane is measured. */
export async function startSluice(
  course: Course,
  options: SluiceOptions,
): Promise<Contestant & { fleet: Fleet }> {
  const { workers, name = "sluice", mode = "transaction", environment = {} } = options;
  const { host, port, user, password, database } = course;
  const fleet = await startFleet({
    postgres: { host, port, user, password },
    dataPlaneEnvironment: {
      DATA_PLANE_WORKERS: String(workers),
      LOG_LEVEL: "warn",
      MAX_UNAUTHENTICATED: String(course.maxClients),
      MAX_UNAUTHENTICATED_PER_ADDRESS: String(course.maxClients),
      ...environment,
    },
  });
  try {
    const answer = await putTenant(fleet, TENANT, {
      db_host: host,
      db_port: port,
      db_database: database,
      require_user: true,
      default_max_clients: course.maxClients,
      users: [
        {
          db_user: user,
          db_password: password,
          pool_size: course.poolSize,
          mode_type: mode,
          pool_checkout_timeout: 60_000,
        },
      ],
    });
    if (answer.status !== 201) throw new Error(`the tenant was not taken: ${JSON.stringify(answer.body)}`);
    await served(fleet, TENANT, { user, password, database, mode });
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return {
    fleet,
    name,
    host: "127.0.0.1",
    port: fleet.dataPlane.ports[mode],
    user: `${user}.${TENANT}`,
    password,
    database,
    preparesByName: true,
    pids: () => familyOf(fleet.dataPlane.pid),
    stop: () => fleet.stop(),
  };
}
