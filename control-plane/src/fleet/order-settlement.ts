import { type Clock, type Deadline, DeadlinePassed, within } from "@sluice/shared/time";
import type { PublishedOrder, Settlement } from "../tenants/index.js";
import type { FleetStore, OrderProgress } from "./fleet-store.js";
import { isOnline } from "./instance-standing.js";

/** Acks come over any replica: the database is asked. */
const ASK_EVERY_MS = 60;

/** Waits for the data planes that an order concerns; those that are away are outstanding, and not waited for. */
export async function settle(
  store: FleetStore,
  order: PublishedOrder,
  epoch: bigint,
  clock: Clock,
  deadline: Deadline,
): Promise<Settlement> {
  let progress: readonly OrderProgress[] = [];
  for (;;) {
    try {
      progress = await within(deadline, "the fleet's answers", store.orderProgress(order, epoch));
    } catch (error) {
      // The order stands, and is acted on; only nobody can say by whom so far.
      if (error instanceof DeadlinePassed) return settlementOf(progress);
      throw error;
    }
    const nowMs = clock.now();
    if (!progress.some(({ acked, instance }) => !acked && isOnline(instance, nowMs))) break;
    if (deadline.remainingMs < ASK_EVERY_MS) break;
    await new Promise<void>((resolve) => clock.schedule(ASK_EVERY_MS, resolve));
  }
  return settlementOf(progress);
}

function settlementOf(progress: readonly OrderProgress[]): Settlement {
  return {
    done: progress
      .filter(({ acked }) => acked)
      .map(({ instance, counts }) => ({ instance: instance.instance, region: instance.region, counts })),
    outstanding: progress.filter(({ acked }) => !acked).map(({ instance }) => instance.instance),
  };
}
