import type { Contestant } from "../contestants/contestant.js";
import { type PgbenchLoad, pgbench } from "./pgbench.js";

const CLIENTS = 20;

/**
 * Each contestant serves for a while before it is measured, as a pooler that runs for weeks has: V8 compiles on the way, on
 * threads of the process that is measured, for some hundred thousand transactions.
 */
export async function warmUp(
  contestants: readonly Contestant[],
  load: Pick<PgbenchLoad, "protocol" | "tls" | "processor">,
  quick: boolean,
): Promise<void> {
  for (const contestant of contestants)
    if (contestant.pids().length > 0)
      await pgbench(contestant, { ...load, clients: CLIENTS, seconds: quick ? 2 : 8 });
}
