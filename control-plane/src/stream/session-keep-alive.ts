import type { ServerHttp2Session } from "node:http2";
import type { Clock } from "@sluice/shared/time";

/** Turns without an open stream after which a connection is of no use. */
const IDLE_TURNS = 4;

/**
 * Connect has no pings on the server's side: a peer that vanished would be kept for ever. A connection that does
 * not answer within one interval is destroyed, one that nobody uses is closed.
 */
export function keepAlive(session: ServerHttp2Session, clock: Clock, intervalMs: number): void {
  let open = 0;
  let idleTurns = 0;
  session.on("stream", (stream) => {
    open += 1;
    stream.on("close", () => {
      open -= 1;
    });
  });
  const next = (): void => {
    const turn = clock.schedule(intervalMs, () => {
      session.off("close", stop);
      if (session.destroyed) return;
      idleTurns = open > 0 ? 0 : idleTurns + 1;
      if (idleTurns >= IDLE_TURNS) {
        session.close();
        return;
      }
      const dead = clock.schedule(intervalMs, () => session.destroy());
      session.ping((error) => {
        dead.cancel();
        if (error === null) next();
      });
    });
    const stop = (): void => turn.cancel();
    session.once("close", stop);
  };
  next();
}
