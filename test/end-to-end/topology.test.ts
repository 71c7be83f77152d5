import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, dropDatabase } from "@sluice/local/create-database";
import { makeFleetSecrets } from "@sluice/local/fleet-secrets";
import { PlaneProcess } from "@sluice/local/plane-process";
import { freePort } from "@sluice/shared/postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { readComposeFile, serviceOf } from "../support/compose-file.js";
import { eventually } from "../support/eventually.js";
import { readMetrics } from "../support/metrics.js";
import { missing, psql, runTool } from "../support/tools.js";

const REGIONS = ["eu", "us"] as const;
type Region = (typeof REGIONS)[number];
type Service = "control-plane" | `data-plane-${Region}`;
const STOP_TIMEOUT_MS = 40_000;

/** docker-compose.yml by processes: the same variables, the same secrets, on free ports of this machine. */
describe.skipIf(missing("pgbench"))("the topology of docker-compose.yml", () => {
  const postgres = inject("postgres");
  const file = readComposeFile();
  const folder = mkdtempSync(join(tmpdir(), "sluice-topology-"));
  const secrets = join(folder, "secrets");
  const database = `sluice_${randomBytes(6).toString("hex")}`;
  const running = new Map<Service, PlaneProcess>();
  const ports: Record<string, number> = {};
  const lines: string[] = [];
  let databaseUrl: string;

  async function start(service: Service): Promise<void> {
    const { environment } = serviceOf(file, service);
    const plane = service === "control-plane" ? "control-plane" : "data-plane";
    const given = Object.entries(environment ?? {}).map(([name, value]) => [
      name,
      String(value)
        .replace("/secrets/", `${join(secrets, service)}/`)
        .replace("https://control-plane:4001", `https://localhost:${ports.stream}`)
        .replace(/^0\.0\.0\.0$/, "127.0.0.1"),
    ]);
    const own =
      plane === "control-plane"
        ? { PORT: ports.http, STREAM_PORT: ports.stream, DATABASE_URL: databaseUrl }
        : {
            PROXY_PORT_TRANSACTION: ports[`${service}-transaction`],
            PROXY_PORT_SESSION: ports[`${service}-session`],
            OPERATIONS_PORT: ports[`${service}-operations`],
          };
    running.set(
      service,
      await PlaneProcess.start({
        name: service,
        main: `${plane}/dist/main.js`,
        environment: {
          ...Object.fromEntries(given),
          ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name, String(value)])),
          SLUICE_ENV: "production",
          LISTEN_ADDRESS: "127.0.0.1",
          DATA_DIR: join(folder, `${service}-data`),
        },
        onLine: (line) => lines.push(`${service} ${line}`),
      }),
    );
  }

  beforeAll(async () => {
    for (const name of ["http", "stream"]) ports[name] = await freePort();
    for (const region of REGIONS)
      for (const port of ["transaction", "session", "operations"])
        ports[`data-plane-${region}-${port}`] = await freePort();
    databaseUrl = await createDatabase(postgres, database);
    await makeFleetSecrets({
      folder: secrets,
      regions: REGIONS,
      streamNames: ["control-plane"],
      databaseHost: "database",
    });
    await start("control-plane");
    await Promise.all(REGIONS.map((region) => start(`data-plane-${region}`)));
  });
  afterAll(async () => {
    await Promise.all([...running.values()].map((plane) => plane.stop(STOP_TIMEOUT_MS)));
    await dropDatabase(postgres, database);
    rmSync(folder, { recursive: true, force: true });
  });

  const token = (): string => readFileSync(join(secrets, "operator/api-token"), "utf8").trim();
  const readyz = async (region: Region): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${ports[`data-plane-${region}-operations`]}/readyz`)).ok;

  it("serves a tenant in both regions, with the token of the setup service and no other", async () => {
    const put = (authorization: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${ports.http}/api/tenants/demo`, {
        method: "PUT",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({
          tenant: {
            db_host: "127.0.0.1",
            db_port: postgres.port,
            db_database: "postgres",
            require_user: true,
            users: [
              {
                db_user: "postgres",
                db_password: "postgres",
                pool_size: 5,
                mode_type: "transaction",
                is_manager: true,
              },
            ],
          },
        }),
      });
    expect((await put("Bearer nobody")).status).toBe(401);
    expect((await put(`Bearer ${token()}`)).status).toBe(201);
    for (const region of REGIONS) {
      const url = `postgresql://postgres.demo:postgres@127.0.0.1:${ports[`data-plane-${region}-transaction`]}/postgres?sslmode=require`;
      await eventually(`${region} serves the tenant`, async () => {
        const { stdout } = await psql(url, "select 'served'");
        return stdout.trim() === "served";
      });
    }
  });

  it("gives Prometheus the figures of both regions, and of the control plane to its own token", async () => {
    for (const region of REGIONS) {
      const scrape = await readMetrics(
        `http://127.0.0.1:${ports[`data-plane-${region}-operations`]}/metrics`,
      );
      expect(scrape.series("sluice_config_generation", { region })).toHaveLength(1);
    }
    const metricsToken = readFileSync(join(secrets, "prometheus/metrics-token"), "utf8").trim();
    const url = `http://127.0.0.1:${ports.http}/metrics`;
    expect((await readMetrics(url, metricsToken)).value("sluice_tenants")).toBe(1);
    await expect(readMetrics(url, token())).rejects.toThrow("401");
  });

  it("loses no transaction of pgbench while every plane is restarted, one after the other", async () => {
    const hosts = REGIONS.map(() => "127.0.0.1").join(",");
    const portList = REGIONS.map((region) => ports[`data-plane-${region}-transaction`]).join(",");
    const url = `host=${hosts} port=${portList} user=postgres.demo password=postgres dbname=postgres sslmode=require`;
    const one = `postgresql://postgres.demo:postgres@127.0.0.1:${ports["data-plane-eu-transaction"]}/postgres?sslmode=require`;
    expect((await runTool("pgbench", ["-i", "-q", "-s", "1", one])).code).toBe(0);
    // Each transaction has a connection of its own, as behind a balancer: it goes to whichever plane takes it.
    const load = runTool("pgbench", ["-n", "-C", "-c", "4", "-j", "2", "-T", "12", "-b", "tpcb-like", url], {
      timeoutMs: 60_000,
    });
    for (const service of ["data-plane-eu", "data-plane-us", "control-plane"] as const) {
      await running.get(service)?.stop(STOP_TIMEOUT_MS);
      await start(service);
      if (service !== "control-plane")
        await eventually(`${service} is ready`, () => readyz(service === "data-plane-eu" ? "eu" : "us"), {
          timeoutMs: 15_000,
        });
    }
    const { code, stdout, stderr } = await load;
    expect([code, stderr.replace(/^pgbench \(.*\n/m, "")]).toEqual([0, ""]);
    const [, processed = "0"] = /transactions actually processed: (\d+)/.exec(stdout) ?? [];
    expect(Number(processed)).toBeGreaterThan(50);
    const { stdout: written } = await psql(one, "select count(*) from pgbench_history");
    expect(written.trim()).toBe(processed);
    expect(stdout).toMatch(/number of failed transactions: 0/);
  });

  it("writes no secret to any log", () => {
    const text = lines.join("\n");
    for (const name of ["api-jwt-secret", "metrics-jwt-secret", "vault-enc-key"])
      expect(text).not.toContain(readFileSync(join(secrets, "control-plane", name), "utf8").trim());
    expect(text).not.toContain(token());
  });
});
