import type { PoolMeter } from "../metrics/index.js";
import type { ServerStates } from "./server-states.js";

/** What a pool looks like at a moment. */
export interface PoolFigures extends Omit<ServerStates, "keeping"> {
  readonly clients: number;
  readonly waiting: number;
  readonly open: number;
  readonly idle: number;
  readonly connecting: number;
  readonly limit: number;
  readonly longestWaitMs: number;
}

/** For the next report. */
export function tellFigures(meter: PoolMeter, figures: PoolFigures): void {
  meter.set("clients", figures.clients);
  meter.set("waiting", figures.waiting);
  meter.set("servers", figures.open);
  meter.set("idle", figures.idle);
  meter.set("leased", figures.leased);
  meter.set("pinned", figures.pinned);
  meter.set("resetting", figures.resetting);
  meter.set("connecting", figures.connecting);
  meter.set("limit", figures.limit);
  meter.set("longestWaitMs", figures.longestWaitMs);
}
