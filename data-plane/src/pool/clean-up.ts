import type { Deadline } from "@sluice/shared/time";
import { type ServerConnection, SessionSettings } from "../server/index.js";
import { TransactionStatus } from "../wire/index.js";
import type { ReleaseReport } from "./lease.js";

/**
 * Makes a server fit for the next client: what runs is cancelled, what it owes is read, an open transaction is
 * rolled back, and what is not tracked is discarded.
 * @throws when it cannot be done by the deadline: the server must then be closed
 */
export async function cleanUp(
  server: ServerConnection,
  report: ReleaseReport,
  discard: boolean,
  deadline: Deadline,
  cancel: (server: ServerConnection, deadline: Deadline) => Promise<void>,
): Promise<void> {
  if (report.owed > 0) {
    const drained = server.drain(report.owed, deadline);
    // The answers may come before the cancel does: both have to end before anybody else gets the server.
    await Promise.all([drained, cancel(server, deadline)]);
  }
  if (server.transactionStatus !== TransactionStatus.idle) await server.run("ROLLBACK", deadline);
  if (discard) {
    await server.run("DISCARD ALL", deadline);
    server.soiled = false;
    server.settings = SessionSettings.EMPTY;
  }
  if (!server.idle) throw new Error("the server is not idle after its clean-up");
}
