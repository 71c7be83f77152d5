import { type Deadline, within } from "@sluice/shared/time";
import type { ServerConnection } from "../server/index.js";
import { type DialOptions, dial, type Upstream } from "../transport/index.js";
import { cancelRequest } from "../wire/index.js";

/**
 * Cancels what runs on a server, over the same TLS rule as its pool, and waits until the server has closed the
 * cancel connection: from then on no signal of it is under way. Where that connection ends by an error nobody knows: the
 * request may still be on its way to the server, which is then no other client's any more.
 */
export async function sendCancel(
  server: ServerConnection,
  upstream: Upstream,
  options: DialOptions,
  deadline: Deadline,
): Promise<void> {
  const socket = await dial(upstream, options, deadline);
  try {
    const closed = new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.once("error", () => {
        server.spoiled = true;
        resolve();
      });
    });
    socket.resume();
    socket.write(cancelRequest(server.pid, server.secret));
    await within(deadline, "cancel request", closed);
  } finally {
    socket.destroy();
  }
}
