import type { Contestant, Course } from "./contestant.js";

/** Postgres itself. */
export function direct({ host, port, user, password, database }: Course): Contestant {
  return {
    name: "direct",
    host,
    port,
    user,
    password,
    database,
    preparesByName: true,
    pids: () => [],
    stop: () => Promise.resolve(),
  };
}
