import { type Clock, Deadline, within } from "@sluice/shared/time";
import { Gauge, type Registry } from "prom-client";
import type { DataSource } from "typeorm";

/** A scrape does not wait longer for the database. */
const TIMEOUT_MS = 2000;

/** What the database knows of the whole, asked at each scrape; while it is away these series are not there. */
export function collectStoreMetrics(registry: Registry, dataSource: DataSource, clock: Clock): void {
  const gauge = (name: string, help: string, sql: string): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        made.reset();
        try {
          const deadline = Deadline.after(clock, TIMEOUT_MS);
          const rows: { value: string }[] = await within(deadline, name, dataSource.query(sql));
          made.set(Number(rows[0]?.value ?? 0));
        } catch {
          made.remove();
        }
      },
    });
  };
  gauge("sluice_tenants", "Tenants that are stored", "SELECT count(*) AS value FROM sluice.tenants");
  gauge("sluice_clusters", "Clusters that are stored", "SELECT count(*) AS value FROM sluice.clusters");
  gauge(
    "sluice_fleet_generation",
    "Number of the newest change of the fleet",
    "SELECT generation AS value FROM sluice.fleet",
  );
}
