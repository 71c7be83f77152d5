import type { Deadline } from "@sluice/shared/time";

/** A change that data planes act on. */
export interface PublishedOrder {
  readonly tenant: string;
  readonly generation: bigint;
  /** Null: every region. */
  readonly regions: readonly string[] | null;
}

/** What one data plane did. */
export interface DataPlaneResult {
  readonly instance: string;
  readonly region: string;
  /** For instance how many sessions it ended. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Settlement {
  readonly done: readonly DataPlaneResult[];
  /** Instances that have not answered; they act when they hear of it. */
  readonly outstanding: readonly string[];
}

/** A client address that a data plane turns away because of failed logins. */
export interface NetworkBan {
  readonly address: string;
  readonly untilMs: number;
}

/** What the fleet's data planes tell. */
export interface DataPlanes {
  /** Resolves when every data plane of these regions has acted on it, at the deadline at the latest. */
  settled(order: PublishedOrder, deadline: Deadline): Promise<Settlement>;
  /** As of their last reports. */
  networkBans(tenant: string): Promise<readonly NetworkBan[]>;
  /**
   * As of their last reports, in Prometheus' text format, each series with the labels region and instance.
   * @param tenant undefined: what concerns no single tenant
   */
  metrics(tenant: string | undefined): Promise<string>;
}

/** A fleet of which nobody has reported anything. */
export const silentDataPlanes: DataPlanes = {
  settled: () => Promise.resolve({ done: [], outstanding: [] }),
  networkBans: () => Promise.resolve([]),
  metrics: () => Promise.resolve(""),
};
