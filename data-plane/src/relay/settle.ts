import type { Deadline } from "@sluice/shared/time";
import type { ServerConnection, SessionSettings } from "../server/index.js";

/** Brings a server that nobody else uses to a client's settings. Throws the server's error. */
export async function settle(
  server: ServerConnection,
  settings: SessionSettings,
  deadline: Deadline,
): Promise<void> {
  const text = settings.queryFrom(server.settings);
  if (text !== undefined) await server.run(text, deadline);
  server.settings = settings;
  server.accepted(settings.pairs);
}
