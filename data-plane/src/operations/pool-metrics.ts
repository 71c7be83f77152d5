import type { Registry } from "prom-client";
import {
  boundsOf,
  type ConnectFailure,
  counterOf,
  type FleetFigures,
  gaugeOf,
  histogramOf,
  OTHERS,
  type PoolCounter,
  type PoolHistogram,
  type PoolLabels,
  type PoolRow,
} from "../metrics/index.js";
import { readMetric, type Sample } from "./read-metric.js";

type Labels = Readonly<Record<string, string>>;

interface Shown {
  readonly labels: Labels;
  readonly row: PoolRow;
}

const CONNECT_FAILURES: readonly (readonly [ConnectFailure, PoolCounter])[] = [
  ["unreachable", "connectsUnreachable"],
  ["login", "connectsNotLoggedIn"],
  ["refused", "connectsRefused"],
];

/** Supavisor's names where ours mean the same (docs/metrics.md), our own for the rest. */
export function poolMetrics(registry: Registry, figures: FleetFigures): void {
  const shown = memoOfThisTurn(() => shownPools(figures));
  const gauge = (name: string, help: string, of: (row: PoolRow) => number): void =>
    readMetric(registry, {
      name,
      help,
      type: "gauge",
      read: () => shown().map(({ labels, row }) => ({ labels, value: of(row) })),
    });
  const counter = (name: string, help: string, column: PoolCounter, more: Labels = {}): void =>
    readMetric(registry, {
      name,
      help,
      type: "counter",
      read: () =>
        shown().map(({ labels, row }) => ({ labels: { ...labels, ...more }, value: counterOf(row, column) })),
    });
  const histogram = (
    name: string,
    help: string,
    of: PoolHistogram,
    unitMs: number,
    more: Labels = {},
  ): void =>
    readMetric(registry, {
      name,
      help,
      type: "histogram",
      read: () =>
        shown().flatMap(({ labels, row }) => histogramSamples(name, { ...labels, ...more }, row, of, unitMs)),
    });

  gauge("supavisor_connections_active", "Clients logged in.", (row) => gaugeOf(row, "clients"));
  gauge(
    "supavisor_pool_connections_checked_out",
    "Servers with a client.",
    (row) => gaugeOf(row, "leased") + gaugeOf(row, "pinned"),
  );
  gauge("supavisor_pool_connections_idle", "Servers at hand.", (row) => gaugeOf(row, "idle"));
  gauge("sluice_pool_size", "Servers that the pool may have.", (row) => gaugeOf(row, "limit"));
  gauge("sluice_pool_servers", "Servers open.", (row) => gaugeOf(row, "servers"));
  gauge("sluice_pool_servers_pinned", "Servers that one session keeps until its end.", (row) =>
    gaugeOf(row, "pinned"),
  );
  gauge("sluice_pool_servers_resetting", "Servers being made clean.", (row) => gaugeOf(row, "resetting"));
  gauge("sluice_pool_servers_connecting", "Servers being connected.", (row) => gaugeOf(row, "connecting"));
  gauge("sluice_pool_waiting_clients", "Clients waiting for a server.", (row) => gaugeOf(row, "waiting"));
  gauge(
    "sluice_pool_longest_wait_seconds",
    "How long the first client in the queue has waited.",
    (row) => gaugeOf(row, "longestWaitMs") / 1000,
  );

  histogram(
    "supavisor_pool_checkout_duration_local",
    "Wait for a server, ms; 0 when one was at hand.",
    "checkout",
    1,
  );
  histogram(
    "supavisor_client_query_duration",
    "From a transaction's first message to its last ReadyForQuery, ms, the wait for a server included.",
    "transaction",
    1,
    { proxy: "false" },
  );
  histogram("supavisor_client_connection_duration", "From accept to the greeting, ms.", "login", 1);
  histogram(
    "supavisor_client_connection_lifetime_ms",
    "How long clients are there: each one's age every 15 s, and at its end.",
    "age",
    1,
  );
  histogram("sluice_query_duration_seconds", "From a request to its ReadyForQuery.", "query", 1000);
  histogram(
    "sluice_server_connect_duration_seconds",
    "Connecting to a server: network, TLS and login.",
    "connect",
    1000,
  );

  counter("supavisor_client_queries_count", "Transactions.", "transactions", { proxy: "false" });
  counter("sluice_queries_total", "Requests answered with ReadyForQuery.", "queries");
  counter("supavisor_client_joins_ok", "Clients logged in.", "logins");
  counter("supavisor_client_network_recv", "Bytes from clients, after their login.", "bytesFromClients");
  counter("supavisor_client_network_send", "Bytes to clients, after their login.", "bytesToClients");
  counter("supavisor_db_network_recv", "Bytes from servers, for clients.", "bytesFromServers");
  counter("supavisor_db_network_send", "Bytes to servers, from clients.", "bytesToServers");
  counter("supavisor_db_handler_started_count", "Servers connected.", "serversOpened");
  counter("supavisor_db_handler_stopped_count", "Servers closed.", "serversClosed");
  counter("supavisor_db_handler_db_connection_count", "Attempts to connect a server.", "connects");
  counter(
    "supavisor_db_handler_prepared_statements_evicted_count",
    "Times that a server's prepared statements were thinned out.",
    "evictedStatements",
  );
  readMetric(registry, {
    name: "sluice_server_connect_failures_total",
    help: "Attempts that failed.",
    type: "counter",
    read: () =>
      shown().flatMap(({ labels, row }) =>
        CONNECT_FAILURES.map(([reason, column]) => ({
          labels: { ...labels, reason },
          value: counterOf(row, column),
        })),
      ),
  });
  counter("sluice_checkout_timeouts_total", "Clients that waited in vain for a server.", "checkoutTimeouts");
  counter("sluice_server_resets_total", "Servers made clean for the next client.", "resets");
  counter(
    "sluice_server_reset_failures_total",
    "Servers closed because they did not become clean.",
    "resetFailures",
  );
  counter("sluice_pins_total", "Times that a session kept its server.", "pins");
  counter(
    "sluice_injected_parses_total",
    "Parse messages of our own in front of a client's.",
    "injectedParses",
  );
  counter("sluice_cancels_total", "Cancel requests sent to servers.", "cancels");
}

function shownPools(figures: FleetFigures): readonly Shown[] {
  const { named, others } = figures.shownPools();
  const shown = named.map(({ pool, row }) => ({ labels: supavisorLabels(pool), row }));
  if (others !== undefined) {
    const labels = { tenant: OTHERS, user: "nil", mode: "nil", db_name: "nil" };
    shown.push({ labels, row: others });
  }
  return shown;
}

/** Without `type` and `search_path`: those part Supavisor's pools, and none of ours. */
function supavisorLabels({ tenant, user, mode, database }: PoolLabels): Labels {
  return { tenant, user, mode, db_name: database };
}

function histogramSamples(
  name: string,
  labels: Labels,
  row: PoolRow,
  of: PoolHistogram,
  unitMs: number,
): readonly Sample[] {
  const { counts, count, sumMs } = histogramOf(row, of);
  if (count === 0) return [];
  let below = 0;
  const buckets = boundsOf(of).map((boundMs, i) => {
    below += counts[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: boundMs / unitMs }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
    { metricName: `${name}_sum`, labels, value: sumMs / unitMs },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** One sum over all workers for the thirty metrics of one scrape. */
function memoOfThisTurn<T>(make: () => T): () => T {
  let held: T | undefined;
  return () => {
    if (held === undefined) {
      held = make();
      setImmediate(() => {
        held = undefined;
      });
    }
    return held;
  };
}
