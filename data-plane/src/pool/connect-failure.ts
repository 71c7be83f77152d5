import { ServerAuthFailure } from "../auth/index.js";
import type { ConnectFailure } from "../metrics/index.js";
import { ServerError } from "../server/index.js";
import { isPassing } from "./connect-verdict.js";

const WRONG_PASSWORD = "28P01";

/**
 * For the figures, by which somebody is woken up. What a server refuses by itself may be no more than a client's mistake:
 * the name of a database that is not there, or one that pg_hba.conf does not let in.
 */
export function connectFailureOf(error: unknown): ConnectFailure {
  if (error instanceof ServerAuthFailure) return "login";
  if (!(error instanceof ServerError) || isPassing(error)) return "unreachable";
  return error.sqlstate === WRONG_PASSWORD ? "login" : "refused";
}
