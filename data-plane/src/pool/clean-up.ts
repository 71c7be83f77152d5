import type { Deadline } from "@sluice/shared/time";
import { TransactionStatus } from "../wire/index.js";
import type { ReleaseReport } from "./lease.js";
import type { PooledServer } from "./pooled-server.js";

/**
 * Makes a server fit for the next client: what runs is cancelled, what it owes is read, an open transaction is
 * rolled back, and what is not tracked is discarded.
 * @throws when it cannot be done by the deadline: the server must then be closed
 */
export async function cleanUp(
  pooled: PooledServer,
  report: ReleaseReport,
  discard: boolean,
  deadline: Deadline,
): Promise<void> {
  const { server } = pooled;
  const told = new Map(server.parameters);
  if (report.owed > 0) {
    const drained = server.drain(report.owed, deadline);
    // The answers may come before the cancel does: both have to end before anybody else gets the server.
    await Promise.all([drained, pooled.cancel(deadline)]);
  }
  if (report.uncertain === true) await server.resync(deadline);
  if (server.transactionStatus !== TransactionStatus.idle) await server.run("ROLLBACK", deadline);
  // What it reports meanwhile nobody hears: its settings would be others than those it counts as having.
  const changed = [...server.parameters].some(([name, value]) => told.get(name) !== value);
  if (discard || changed) {
    await server.run("DISCARD ALL", deadline);
    server.discarded();
  }
  if (server.spoiled) throw new Error("a cancel request may still be on its way");
  if (!server.idle) throw new Error("the server is not idle after its clean-up");
}
