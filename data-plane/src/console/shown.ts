import { setImmediate as othersTurn } from "node:timers/promises";
import type { AskAnswer, ClientRow, ServerRow } from "../fleet/index.js";
import {
  counterOf,
  type FleetFigures,
  gaugeOf,
  histogramOf,
  type PoolCounter,
  type PoolGauge,
  type PoolHistogram,
  type PoolRow,
} from "../metrics/index.js";
import type { Tenant } from "../tenants/index.js";
import type { DatabaseTotal } from "./database-totals.js";
import type { Cell, Table } from "./table.js";

const table = (columns: string, rows: readonly (readonly Cell[])[]): Table => ({
  columns: columns.split(" "),
  rows,
});

/** PgBouncer's columns first, by its names, then ours. Micro-seconds are what is left of whole seconds. */
export function poolsTable(figures: FleetFigures): Table {
  return table(
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel " +
      "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode tenant sv_pinned " +
      "sv_resetting pool_size",
    figures.pools().map(({ pool, row }) => {
      const gauge = (name: PoolGauge): number => gaugeOf(row, name);
      const waitMs = gauge("longestWaitMs");
      return [
        pool.database,
        pool.user,
        gauge("clients") - gauge("waiting"),
        gauge("waiting"),
        0,
        0,
        gauge("leased") + gauge("pinned"),
        0,
        0,
        gauge("idle"),
        0,
        0,
        gauge("connecting"),
        Math.floor(waitMs / 1000),
        Math.floor((waitMs % 1000) * 1000),
        pool.mode,
        pool.tenant,
        gauge("pinned"),
        gauge("resetting"),
        gauge("limit"),
      ];
    }),
  );
}

export function clientsTable(answers: readonly AskAnswer[], nowMs: number): Table {
  const clients = answers.flatMap((answer): readonly ClientRow[] =>
    "clients" in answer ? answer.clients : [],
  );
  return table(
    "type user database state addr port connect_time wait wait_us ptr link remote_pid tls application_name tenant mode id",
    clients.map((client) => [
      "C",
      client.user,
      client.database,
      client.state,
      client.address,
      client.port,
      timeOf(nowMs - client.connectedForMs),
      Math.floor(client.waitedMs / 1000),
      Math.floor((client.waitedMs % 1000) * 1000),
      client.id,
      client.serverPid === undefined ? "" : String(client.serverPid),
      client.serverPid ?? 0,
      client.tls,
      client.applicationName,
      client.tenant,
      client.mode,
      client.id,
    ]),
  );
}

export function serversTable(answers: readonly AskAnswer[], nowMs: number): Table {
  return table(
    "type user database state addr port connect_time remote_pid tenant mode",
    serversOf(answers).map((server) => [
      "S",
      server.user,
      server.database,
      server.state,
      server.host,
      server.port,
      timeOf(nowMs - server.openForMs),
      server.pid,
      server.tenant,
      server.mode,
    ]),
  );
}

export function serversOf(answers: readonly AskAnswer[]): readonly ServerRow[] {
  return answers.flatMap((answer) => ("servers" in answer ? answer.servers : []));
}

/** PgBouncer's totals, by tenant and database; times in micro-seconds. `rates` are of the last whole minute. */
export function statsTable(
  totals: Iterable<DatabaseTotal>,
  rates: (tenant: string, database: string) => PoolRow | undefined,
): Table {
  return table(
    "database total_server_assignment_count total_xact_count total_query_count total_received total_sent " +
      "total_xact_time total_query_time total_wait_time avg_server_assignment_count avg_xact_count avg_query_count " +
      "avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time tenant",
    [...totals].map(({ tenant, database, row }) => [
      database,
      ...totalsOf(row),
      ...averagesOf(rates(tenant, database)),
      tenant,
    ]),
  );
}

function totalsOf(row: PoolRow): readonly number[] {
  const counter = (name: PoolCounter): number => counterOf(row, name);
  const count = (name: PoolHistogram): number => histogramOf(row, name).count;
  const sumUs = (name: PoolHistogram): number => Math.round(histogramOf(row, name).sumMs * 1000);
  return [
    count("checkout"),
    counter("transactions"),
    counter("queries"),
    counter("bytesFromClients"),
    counter("bytesToClients"),
    sumUs("transaction"),
    sumUs("query"),
    sumUs("checkout"),
  ];
}

/** @param minute what was counted in the last whole minute */
function averagesOf(minute: PoolRow | undefined): readonly number[] {
  if (minute === undefined) return [0, 0, 0, 0, 0, 0, 0, 0];
  const [assigned = 0, xacts = 0, queries = 0, received = 0, sent = 0, xactUs = 0, queryUs = 0, waitUs = 0] =
    totalsOf(minute);
  const each = (sum: number, count: number): number => (count === 0 ? 0 : Math.round(sum / count));
  const perSecond = (count: number): number => Math.round(count / 60);
  return [
    perSecond(assigned),
    perSecond(xacts),
    perSecond(queries),
    perSecond(received),
    perSecond(sent),
    each(xactUs, xacts),
    each(queryUs, queries),
    perSecond(waitUs),
  ];
}

/** Most tenants are parsed for it: others have their turn in between. */
const TENANTS_AT_ONCE = 500;

export async function tenantsTable(
  tenants: Iterable<Tenant>,
  figures: FleetFigures,
  paused: (tenant: Tenant) => boolean,
): Promise<Table> {
  const totals = figures.tenantTotals();
  const rows: Cell[][] = [];
  for (const tenant of tenants) {
    const total = totals.get(tenant.id);
    rows.push([
      tenant.id,
      tenant.upstream.host,
      tenant.upstream.port,
      tenant.database,
      undefined,
      tenant.defaultPoolSize,
      tenant.minPoolSize,
      tenant.maxServerConnections ?? 0,
      total?.servers ?? 0,
      paused(tenant) ? 1 : 0,
      tenant.ban === undefined ? 0 : 1,
      total?.clients ?? 0,
      total?.waiting ?? 0,
      total?.idle ?? 0,
      total?.pinned ?? 0,
    ]);
    if (rows.length % TENANTS_AT_ONCE === 0) await othersTurn();
  }
  return table(
    "name host port database force_user pool_size min_pool_size max_connections current_connections paused disabled " +
      "clients waiting idle pinned",
    rows,
  );
}

export function listsTable(figures: FleetFigures): Table {
  const pools = figures.pools();
  const sum = (name: PoolGauge): number => pools.reduce((total, { row }) => total + gaugeOf(row, name), 0);
  return table("list items", [
    ["databases", figures.tenants],
    ["users", new Set(pools.map(({ pool }) => JSON.stringify([pool.tenant, pool.user]))).size],
    ["pools", pools.length],
    ["used_clients", figures.clients],
    ["login_clients", Math.max(0, figures.clients - sum("clients"))],
    ["free_servers", sum("idle")],
    ["used_servers", sum("leased") + sum("pinned")],
    ["workers", figures.workers.size],
  ]);
}

export function workersTable(figures: FleetFigures): Table {
  return table(
    "worker pid cpu_seconds resident_bytes heap_bytes lag_p50_ms lag_p99_ms lag_max_ms",
    [...figures.workers].map(([worker, process]) => [
      worker,
      process.pid,
      process.cpuS.toFixed(2),
      process.residentBytes,
      process.heapBytes,
      process.lagMedianMs.toFixed(1),
      process.lagP99Ms.toFixed(1),
      process.lagLongestMs.toFixed(1),
    ]),
  );
}

/** As PgBouncer writes it. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
