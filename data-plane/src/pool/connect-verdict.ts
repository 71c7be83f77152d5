import { SluiceError } from "@sluice/shared/errors";
import { ServerError, ServerGone } from "../server/index.js";
import { UpstreamUnreachable } from "../transport/index.js";
import { CheckoutTimeout } from "./pool-failure.js";

/** What a failed connect means for those who wait for a server. */
export type ConnectVerdict =
  /** It will not change by waiting: wrong password, no such database, TLS that is not as asked. All are told. */
  | "refused"
  /** Nobody answers. Of a database that was there before that is likely a restart, and worth a little patience. */
  | "away"
  /** The database has no connection left to give; one may come back. */
  | "crowded"
  /** It says itself that it will be there soon. */
  | "starting";

/** cannot_connect_now, admin_shutdown, crash_shutdown: what a restarting Postgres says. */
const STARTING: ReadonlySet<string> = new Set(["57P03", "57P01", "57P02"]);
const TOO_MANY_CONNECTIONS = "53300";

/** Why no server could be had, when one may be had later. */
export function isPassing(thrown: unknown): boolean {
  if (thrown instanceof CheckoutTimeout) return true;
  return thrown instanceof SluiceError && verdictOf(thrown) !== "refused";
}

export function verdictOf(error: SluiceError): ConnectVerdict {
  if (error instanceof ServerError) {
    if (STARTING.has(error.sqlstate)) return "starting";
    return error.sqlstate === TOO_MANY_CONNECTIONS ? "crowded" : "refused";
  }
  if (error instanceof UpstreamUnreachable) return error.mayPass ? "away" : "refused";
  return error instanceof ServerGone ? "away" : "refused";
}
