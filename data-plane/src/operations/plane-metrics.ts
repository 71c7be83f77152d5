import { collectDefaultMetrics, Registry } from "prom-client";
import { type FleetFigures, gaugeOf, type PoolGauge, type ProcessFigures } from "../metrics/index.js";
import { poolMetrics } from "./pool-metrics.js";
import { readMetric, type Sample } from "./read-metric.js";

export interface ConfigurationFigures {
  readonly connected: boolean;
  readonly epoch: bigint | undefined;
  readonly generation: bigint | undefined;
  readonly keysetVersion: bigint;
  /** Ms since the epoch. */
  readonly keysetExpiresAtMs: number | undefined;
  readonly freshnessAgeMs: number | undefined;
  readonly stale: boolean;
  readonly quarantined: readonly string[];
}

export interface PlaneMetricsOptions {
  readonly figures: FleetFigures;
  readonly configuration: () => ConfigurationFigures;
  readonly tenants: () => number;
  /** As many as there are to be. */
  readonly workers: number;
  /** On every series. */
  readonly labels: Readonly<Record<string, string>>;
  readonly build: string;
}

/** All that `/metrics` of a data plane shows: of the primary, its workers, and their pools. */
export function planeMetrics(options: PlaneMetricsOptions): Registry {
  const { figures, configuration, build } = options;
  const registry = new Registry();
  registry.setDefaultLabels(options.labels);
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: () => number): void =>
    readMetric(registry, { name, help, type: "gauge", read: () => [{ labels: {}, value: value() }] });
  const servers = (column: PoolGauge) => (): number => {
    let sum = 0;
    for (const { row } of figures.pools()) sum += gaugeOf(row, column);
    return sum;
  };

  gauge("sluice_clients", "Sockets of clients, logged in or not.", () => figures.clients);
  gauge("sluice_clients_waiting", "Clients waiting for a server.", servers("waiting"));
  gauge("sluice_servers", "Server connections open.", servers("servers"));
  gauge("sluice_servers_idle", "Server connections idle.", servers("idle"));
  gauge("sluice_servers_pinned", "Server connections kept by one session.", servers("pinned"));
  gauge("sluice_tenants", "Tenants known.", options.tenants);
  gauge("sluice_workers_wanted", "Workers that are to be there.", () => options.workers);
  gauge("supavisor_tenants_active", "Tenants with clients.", () => {
    const totals = [...figures.tenantTotals().values()];
    return totals.filter(({ clients }) => clients > 0).length;
  });

  gauge("sluice_config_generation", "Generation of the configuration in force.", () =>
    Number(configuration().generation ?? 0n),
  );
  gauge("sluice_config_epoch", "Epoch of the configuration in force.", () =>
    Number(configuration().epoch ?? 0n),
  );
  gauge("sluice_config_keyset_version", "Version of the keyset by which configuration is checked.", () =>
    Number(configuration().keysetVersion),
  );
  readMetric(registry, {
    name: "sluice_config_keyset_expiry_timestamp_seconds",
    help: "When that keyset expires; past it nothing new is taken.",
    type: "gauge",
    read: () => {
      const { keysetExpiresAtMs } = configuration();
      return keysetExpiresAtMs === undefined ? [] : [{ labels: {}, value: keysetExpiresAtMs / 1000 }];
    },
  });
  gauge("sluice_config_stale", "1 when no heartbeat that is still good confirms the configuration.", () =>
    configuration().stale ? 1 : 0,
  );
  gauge(
    "sluice_config_quarantined",
    "Tenants whose new record could not be used and who are served by the one before.",
    () => configuration().quarantined.length,
  );
  readMetric(registry, {
    name: "sluice_config_freshness_age_seconds",
    help: "Since the control plane last vouched for the configuration; absent until it first has.",
    type: "gauge",
    read: () => {
      const age = configuration().freshnessAgeMs;
      return age === undefined ? [] : [{ labels: {}, value: age / 1000 }];
    },
  });
  gauge("sluice_control_plane_connected", "1 while the control plane is followed.", () =>
    configuration().connected ? 1 : 0,
  );

  readMetric(registry, {
    name: "sluice_logins_total",
    help: "Logins by their outcome: ok, or the code of the refusal. No tenant: none was found.",
    type: "counter",
    read: () =>
      figures.logins().map(({ outcome: [tenant, outcome], count }) => ({
        labels: { tenant, outcome },
        value: count,
      })),
  });
  readMetric(registry, {
    name: "supavisor_client_joins_fail",
    help: "Logins refused, of tenants that were found.",
    type: "counter",
    read: () => refusals(figures),
  });
  workerMetrics(registry, figures);
  poolMetrics(registry, figures);
  readMetric(registry, {
    name: "sluice_build_info",
    help: "Always 1; the version is a label.",
    type: "gauge",
    read: () => [{ labels: { version: build, node: process.version }, value: 1 }],
  });
  return registry;
}

function refusals(figures: FleetFigures): readonly Sample[] {
  const byTenant = new Map<string, number>();
  for (const { outcome, count } of figures.logins()) {
    const [tenant, code] = outcome;
    if (tenant !== "" && code !== "ok") byTenant.set(tenant, (byTenant.get(tenant) ?? 0) + count);
  }
  return [...byTenant].map(([tenant, value]) => ({ labels: { tenant }, value }));
}

function workerMetrics(registry: Registry, figures: FleetFigures): void {
  const perWorker = (
    name: string,
    help: string,
    type: "gauge" | "counter",
    samples: (figures: ProcessFigures) => readonly Sample[],
  ): void =>
    readMetric(registry, {
      name,
      help,
      type,
      read: () =>
        [...figures.workers].flatMap(([worker, process]) =>
          samples(process).map(({ labels, value }) => ({ labels: { worker, ...labels }, value })),
        ),
    });
  readMetric(registry, {
    name: "sluice_workers",
    help: "Workers that report.",
    type: "gauge",
    read: () => [{ labels: {}, value: figures.workers.size }],
  });
  perWorker(
    "sluice_worker_event_loop_lag_seconds",
    "How late timers came in the last second.",
    "gauge",
    (of) => [
      { labels: { quantile: "0.5" }, value: of.lagMedianMs / 1000 },
      { labels: { quantile: "0.99" }, value: of.lagP99Ms / 1000 },
      { labels: { quantile: "1" }, value: of.lagLongestMs / 1000 },
    ],
  );
  perWorker("sluice_worker_cpu_seconds_total", "Processor time.", "counter", ({ cpuS }) => [
    { labels: {}, value: cpuS },
  ]);
  perWorker("sluice_worker_resident_memory_bytes", "Memory in use.", "gauge", ({ residentBytes }) => [
    { labels: {}, value: residentBytes },
  ]);
  perWorker("sluice_worker_open_fds", "Files and sockets open.", "gauge", ({ openFiles }) =>
    openFiles === undefined ? [] : [{ labels: {}, value: openFiles }],
  );
  perWorker("sluice_worker_heap_bytes", "Of it, the JavaScript heap in use.", "gauge", ({ heapBytes }) => [
    { labels: {}, value: heapBytes },
  ]);
}
