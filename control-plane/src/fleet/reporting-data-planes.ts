import type { Clock, Deadline } from "@sluice/shared/time";
import type { DataPlanes, NetworkBan, PublishedOrder, Settlement } from "../tenants/index.js";
import type { FleetStore } from "./fleet-store.js";
import { settle } from "./order-settlement.js";
import type { ReportedSeries } from "./reported-series.js";

export interface ReportingDataPlanesOptions {
  readonly store: FleetStore;
  readonly series: ReportedSeries;
  readonly epoch: () => bigint;
  readonly clock: Clock;
}

/** The fleet, as orders and tenants see it: what its data planes have reported, over whichever replica. */
export class ReportingDataPlanes implements DataPlanes {
  readonly #options: ReportingDataPlanesOptions;

  constructor(options: ReportingDataPlanesOptions) {
    this.#options = options;
  }

  settled(order: PublishedOrder, deadline: Deadline): Promise<Settlement> {
    const { store, epoch, clock } = this.#options;
    return settle(store, order, epoch(), clock, deadline);
  }

  networkBans(tenant: string): Promise<readonly NetworkBan[]> {
    const { store, clock } = this.#options;
    return store.networkBans(tenant, new Date(clock.now()));
  }

  metrics(tenant: string | undefined): Promise<string> {
    const { series } = this.#options;
    return tenant === undefined ? series.ofFleet() : series.ofTenant(tenant);
  }
}
