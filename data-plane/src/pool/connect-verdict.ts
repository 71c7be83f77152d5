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
  /** The database server has no connection left to give; one may come back, of whoever has one there. */
  | "crowded"
  /** The same of this role, or this database, by a limit of its own: what others give up is not for it. */
  | "limited"
  /** It says itself that it will be there soon. */
  | "starting";

/** cannot_connect_now, admin_shutdown, crash_shutdown: what a restarting Postgres says. */
const STARTING: ReadonlySet<string> = new Set(["57P03", "57P01", "57P02"]);
const TOO_MANY_CONNECTIONS = "53300";
/** Where PostgreSQL checks CONNECTION LIMIT of a role and of a database: the text may be in any language. */
const OWN_LIMITS: ReadonlySet<string> = new Set(["InitializeSessionUserId", "CheckMyDatabase"]);

/** Why no server could be had, when one may be had later. */
export function isPassing(thrown: unknown): boolean {
  if (thrown instanceof CheckoutTimeout) return true;
  return thrown instanceof SluiceError && verdictOf(thrown) !== "refused";
}

export function verdictOf(error: SluiceError): ConnectVerdict {
  if (error instanceof ServerError) {
    if (STARTING.has(error.sqlstate)) return "starting";
    if (error.sqlstate !== TOO_MANY_CONNECTIONS) return "refused";
    return OWN_LIMITS.has(error.fields.get("R") ?? "") ? "limited" : "crowded";
  }
  if (error instanceof UpstreamUnreachable) return error.mayPass ? "away" : "refused";
  return error instanceof ServerGone ? "away" : "refused";
}
