import type { Deadline } from "@sluice/shared/time";
import type { ServerConnection } from "./server-connection.js";
import { ServerError } from "./server-error.js";

/**
 * Which database cluster a server belongs to: a number made by initdb, the same on a primary and its replicas. Undefined
 * where the role may not ask or the server does not know.
 */
export async function systemIdentifierOf(
  server: ServerConnection,
  deadline: Deadline,
): Promise<string | undefined> {
  try {
    const [row] = await server.ask("SELECT system_identifier FROM pg_catalog.pg_control_system()", deadline);
    return row?.[0];
  } catch (error) {
    if (error instanceof ServerError && !server.closed) return undefined;
    throw error;
  }
}
