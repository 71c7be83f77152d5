import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { CHECKOUT } from "../support/development-run.js";
import { eventually } from "../support/eventually.js";
import { readMetrics, type Scrape } from "../support/metrics.js";
import { callApi, connectTo, GUIDE_TOKEN, putTenant, served } from "../support/tenant-api.js";

const LOGIN = { password: "postgres" };
/** Absent while there is nothing to tell. */
const SELDOM = new Set([
  "nodejs_gc_duration_seconds",
  "nodejs_active_resources",
  "nodejs_active_requests",
  "nodejs_active_handles",
]);

describe("/metrics of both planes", () => {
  const postgres = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ postgres, dataPlaneEnvironment: { AVAILABILITY_ZONE: "zone-1" } });
    const tenant = {
      db_host: "127.0.0.1",
      db_port: postgres.port,
      db_database: "postgres",
      require_user: true,
      users: [
        {
          db_user: "postgres",
          db_password: "postgres",
          pool_size: 2,
          mode_type: "transaction",
          is_manager: true,
        },
      ],
    };
    expect((await putTenant(fleet, "measured", tenant)).status).toBe(201);
    await served(fleet, "measured", LOGIN);
    const client = await connectTo(fleet, "measured", LOGIN);
    await client.query("select 1");
    await client.end();
    await eventually("the logins in the figures", async () => {
      const now = await dataPlane();
      return now.value("supavisor_client_joins_ok") === 2 && now.value("supavisor_connections_active") === 0;
    });
  });
  afterAll(() => fleet?.stop());

  const dataPlane = (): Promise<Scrape> =>
    readMetrics(`http://127.0.0.1:${fleet.dataPlane.ports.operations}/metrics`);
  const controlPlane = (): Promise<Scrape> => readMetrics(`${fleet.controlPlane.url}/metrics`, GUIDE_TOKEN);
  const of = { tenant: "measured", mode: "transaction" };

  /** And waits until it is gone. */
  const endServer = async (pid: number): Promise<void> => {
    const { host, port, user, password } = postgres;
    const direct = new pg.Client({ host, port, user, password, database: "postgres" });
    await direct.connect();
    try {
      await direct.query("select pg_terminate_backend($1)", [pid]);
      await eventually("its end", async () => {
        const { rowCount } = await direct.query("select 1 from pg_stat_activity where pid = $1", [pid]);
        return rowCount === 0;
      });
    } finally {
      await direct.end();
    }
  };

  it("have every name and type of docs/metrics.md, and no other", async () => {
    await callApi(fleet, "GET", "/api/tenants/measured");
    const data = await dataPlane();
    // With a report of the data plane, and a heartbeat that it has heard.
    const control = await eventually(
      "a report",
      async () => {
        const now = await controlPlane();
        return now.types.has("sluice_data_plane_freshness_age_seconds") && now.types.has("sluice_clients")
          ? now
          : undefined;
      },
      { timeoutMs: 45_000, everyMs: 250 },
    );
    const whole = readFileSync(join(CHECKOUT, "docs/metrics.md"), "utf8");
    const both = documented(sectionsOf(whole, /^Both planes/));
    const reported = [...control.types.keys()].filter(
      (name) => !name.startsWith("sluice_data_plane_") && control.series(name)[0]?.labels.group !== undefined,
    );
    expect(asServed(control).filter((line) => !reported.includes(line.split(" ")[0] ?? ""))).toEqual(
      sorted([...documented(sectionsOf(whole, /^Control plane/)), ...both]),
    );
    expect(reported.filter((name) => !namesOf(sectionsOf(whole, /^Data plane/)).includes(name))).toEqual([]);
    expect(asServed(data)).toEqual(sorted([...documented(sectionsOf(whole, /^Data plane/)), ...both]));
  });

  it("have the labels of docs/metrics.md on the figures of a pool", async () => {
    const whole = readFileSync(join(CHECKOUT, "docs/metrics.md"), "utf8");
    const data = await dataPlane();
    const expected = ["az", "db_name", "mode", "region", "tenant", "user"];
    for (const name of namesOf(sectionsOf(whole, /^Data plane: pools/))) {
      const labels = new Set(data.series(name).flatMap((series) => Object.keys(series.labels)));
      for (const own of ["le", "proxy", "reason"]) labels.delete(own);
      expect([...labels].sort(), name).toEqual(expected);
    }
    expect(data.series("sluice_clients")[0]?.labels).toEqual({ region: "local", az: "zone-1" });
  });

  it("count queries, transactions, bytes, waits and pins of a pool", async () => {
    const before = await dataPlane();
    const clients = await Promise.all([1, 2, 3].map(() => connectTo(fleet, "measured", LOGIN)));
    const [first, second, third] = clients;
    await first?.query("begin");
    await second?.query("begin");
    const waits = third?.query("select repeat('x', 10000)");
    const expected = {
      sluice_pool_waiting_clients: 1,
      supavisor_pool_connections_checked_out: 2,
      supavisor_connections_active: 3,
      sluice_pool_servers: 2,
      sluice_pool_size: 2,
    };
    // Each worker tells its part when it comes to it: all of them have to have been heard.
    await eventually("what each of three clients does", async () => {
      const now = await dataPlane();
      const told = Object.keys(expected).map((name) => [name, now.value(name, of)]);
      expect(Object.fromEntries(told)).toEqual(expected);
      expect(now.value("supavisor_tenants_active")).toBe(1);
      return true;
    });
    await first?.query("commit");
    await waits;
    await second?.query("create temporary table pins (n int)");
    await second?.query("commit");
    await Promise.all(clients.map((client) => client.end()));

    const after = await eventually("all of it in the figures", async () => {
      const now = await dataPlane();
      const queries = now.value("sluice_queries_total", of) - before.value("sluice_queries_total", of);
      return queries >= 6 && now.value("supavisor_connections_active", of) === 0 ? now : undefined;
    });
    const grown = (name: string): number => after.value(name, of) - before.value(name, of);
    expect(grown("sluice_queries_total")).toBe(6);
    expect(grown("supavisor_client_queries_count")).toBe(3);
    expect(grown("supavisor_client_query_duration_count")).toBe(3);
    expect(grown("supavisor_client_joins_ok")).toBe(3);
    expect(grown("supavisor_client_connection_duration_count")).toBe(3);
    expect(grown("supavisor_client_network_send")).toBeGreaterThan(10_000);
    expect(grown("supavisor_db_network_recv")).toBeGreaterThan(10_000);
    expect(grown("supavisor_db_network_send")).toBeGreaterThan(50);
    expect(grown("sluice_pins_total")).toBe(1);
    expect(grown("supavisor_pool_checkout_duration_local_count")).toBeGreaterThanOrEqual(3);
    expect(grown("supavisor_pool_checkout_duration_local_sum")).toBeGreaterThan(0);
    expect(after.value("sluice_server_connect_duration_seconds_count", of)).toBeGreaterThanOrEqual(2);
    const buckets = after.series("supavisor_client_query_duration_bucket", of).map(({ value }) => value);
    expect(buckets.toSorted((a, b) => a - b)).toEqual(buckets);
  });

  it("count statements that were prepared anew on another server, and how long clients were there", async () => {
    const before = await dataPlane();
    const client = await connectTo(fleet, "measured", LOGIN);
    const named = { name: "named", text: "select pg_backend_pid() as pid" };
    const { rows } = await client.query<{ pid: number }>(named);
    await endServer(rows[0]?.pid ?? 0);
    const closed = "supavisor_db_handler_stopped_count";
    await eventually(
      "its end in the figures",
      async () => (await dataPlane()).value(closed, of) > before.value(closed, of),
    );
    await client.query(named);
    await client.end();
    const after = await eventually("the clients' ends in the figures", async () => {
      const now = await dataPlane();
      const count = "supavisor_client_connection_lifetime_ms_count";
      return now.value(count, of) >= before.value(count, of) + 1 ? now : undefined;
    });
    const grown = (name: string): number => after.value(name, of) - before.value(name, of);
    expect(grown("sluice_injected_parses_total")).toBe(1);
    expect(grown("supavisor_client_connection_lifetime_ms_sum")).toBeGreaterThan(0);
    const bounds = after
      .series("supavisor_client_connection_lifetime_ms_bucket", of)
      .map(({ labels }) => labels.le);
    expect(bounds.slice(0, 2).concat(bounds.slice(-2))).toEqual(["500", "1000", "2592000000", "+Inf"]);
  });

  it("tell logins apart by their outcome, and name no tenant or user that a stranger made up", async () => {
    const unknown = (await dataPlane()).value("sluice_logins_total", { outcome: "ENOTFOUND" });
    await expect(connectTo(fleet, "measured", { password: "wrong" })).rejects.toThrow();
    await expect(connectTo(fleet, "made-up-tenant", LOGIN)).rejects.toThrow();
    await expect(connectTo(fleet, "measured", { ...LOGIN, user: "made-up-user" })).rejects.toThrow();
    const scrape = await eventually("the refusals", async () => {
      const now = await dataPlane();
      return now.value("sluice_logins_total", { outcome: "ENOTFOUND" }) === unknown + 1 &&
        now.value("supavisor_client_joins_fail", { tenant: "measured" }) === 2
        ? now
        : undefined;
    });
    expect(scrape.value("sluice_logins_total", { tenant: "measured", outcome: "ok" })).toBeGreaterThan(0);
    expect(scrape.text).not.toContain("made-up");
  });

  it("part a database that a client made up from one that cannot be reached", async () => {
    const failures = "sluice_server_connect_failures_total";
    await expect(connectTo(fleet, "measured", { ...LOGIN, database: "no_such" })).rejects.toThrow(
      /does not exist/,
    );
    const scrape = await eventually("the failure in the figures", async () => {
      const now = await dataPlane();
      return now.value(failures, { db_name: "no_such", reason: "refused" }) > 0 ? now : undefined;
    });
    expect(scrape.value(failures, { db_name: "no_such", reason: "unreachable" })).toBe(0);
  });

  it("watch the workers and the configuration", async () => {
    const scrape = await dataPlane();
    expect(scrape.value("sluice_workers")).toBeGreaterThan(0);
    expect(scrape.value("sluice_worker_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    expect(scrape.series("sluice_worker_event_loop_lag_seconds").length % 3).toBe(0);
    const generation = (await controlPlane()).value("sluice_fleet_generation");
    expect(scrape.value("sluice_config_generation")).toBe(generation);
    expect(scrape.value("sluice_control_plane_connected")).toBe(1);
    expect(scrape.value("sluice_config_quarantined")).toBe(0);
  });
});

/** The tables of the sections whose title matches. */
function sectionsOf(page: string, title: RegExp): string {
  return page
    .split(/^## /m)
    .filter((section) => title.test(section))
    .join("\n");
}

function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .filter((line) => /^\| `[a-z0-9_]+` /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

function namesOf(text: string): string[] {
  return rowsOf(text).map(([, name = ""]) => name);
}

function documented(text: string): string[] {
  return rowsOf(text).map(([, name, type = ""]) => `${name} ${type.replace(/,.*/, "")}`);
}

function asServed(scrape: Scrape): string[] {
  return sorted([...scrape.types].map(([name, type]) => `${name} ${type}`));
}

function sorted(lines: readonly string[]): string[] {
  return lines.filter((line) => !SELDOM.has(line.split(" ")[0] ?? "")).sort();
}
