import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Credentials, prepareCredentials } from "@sluice/local/credentials";
import { controlPlaneEnvironment, dataPlaneEnvironment } from "@sluice/local/plane-environment";
import { PlaneProcess, type Ports } from "@sluice/local/plane-process";
import { controlPlaneMain, dataPlaneMain, workspace } from "@sluice/local/workspace";
import pg from "pg";
import { createDatabase, type Database } from "../../support/database.js";
import { TcpBalancer } from "../../support/tcp-balancer.js";
import { GUIDE_TOKEN } from "../../support/tenant-api.js";

const STOP_TIMEOUT_MS = 10_000;
/** Five planes start at once, on a machine that may be busy with other suites. */
const READY_TIMEOUT_MS = 60_000;

export interface FleetRow {
  readonly instance: string;
  readonly region: string;
  readonly status: string;
  readonly acked: { readonly epoch: number; readonly generation: number } | null;
}

/** A process that can be started again on the ports and the folder that it had. */
export class Plane {
  readonly name: string;
  readonly region: string;
  readonly folder: string;
  readonly #main: string;
  readonly #environment: (ports: Ports) => Readonly<Record<string, string>>;
  readonly #startedBy: readonly string[];
  readonly #lines: string[] = [];
  #process: PlaneProcess | undefined;
  #ports: Ports = {};

  constructor(parts: {
    readonly name: string;
    readonly region: string;
    readonly folder: string;
    readonly main: string;
    readonly environment: (ports: Ports) => Readonly<Record<string, string>>;
    readonly startedBy?: readonly string[];
  }) {
    this.name = parts.name;
    this.region = parts.region;
    this.folder = parts.folder;
    this.#main = parts.main;
    this.#environment = parts.environment;
    this.#startedBy = parts.startedBy ?? [];
  }

  async start(): Promise<void> {
    this.#process = await PlaneProcess.start({
      name: this.name,
      main: this.#main,
      environment: this.#environment(this.#ports),
      startedBy: this.#startedBy,
      readyTimeoutMs: READY_TIMEOUT_MS,
      onLine: (line) => this.#lines.push(line),
    });
    this.#ports = this.#process.ports;
  }

  /** 0 until it has run. */
  port(name: string): number {
    return this.#ports[name] ?? 0;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  get log(): string {
    return this.#lines.join("\n");
  }

  async stop(): Promise<void> {
    await this.#process?.stop(STOP_TIMEOUT_MS);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }
}

/** Where the data planes are: by default on this machine's loopback, like everything else. */
export interface Elsewhere {
  /** What a process is started by to be there. */
  readonly startedBy: readonly string[];
  /** Of the data planes, as everybody here reaches them. */
  readonly host: string;
  /** Of the control planes, as the data planes reach them. */
  readonly controlPlaneHost: string;
  /** A certificate for that address, and its own CA. */
  readonly certificate: { readonly certPath: string; readonly keyPath: string };
}

/** Two control planes on one database behind one address, and three data planes in two regions. */
export class RegionalFleet {
  readonly balancer: TcpBalancer;
  readonly controlPlanes: readonly [Plane, Plane];
  readonly dataPlanes: readonly Plane[];
  readonly #folder: string;
  readonly #credentials: Credentials;
  readonly #databases: Database[];
  readonly #dataPlaneHost: string;

  private constructor(
    folder: string,
    credentials: Credentials,
    database: Database,
    balancer: TcpBalancer,
    controlPlanes: [Plane, Plane],
    dataPlanes: Plane[],
    dataPlaneHost: string,
  ) {
    this.#folder = folder;
    this.#credentials = credentials;
    this.#databases = [database];
    this.balancer = balancer;
    this.controlPlanes = controlPlanes;
    this.dataPlanes = dataPlanes;
    this.#dataPlaneHost = dataPlaneHost;
  }

  static async start(elsewhere?: Elsewhere): Promise<RegionalFleet> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-regions-"));
    const credentials = await prepareCredentials(join(folder, "credentials"));
    const database = await createDatabase();
    let fleet: RegionalFleet | undefined;
    const controlPlane = (name: string): Plane =>
      new Plane({
        name,
        region: "",
        folder: join(folder, name),
        main: controlPlaneMain,
        environment: (ports) => ({
          LOG_FORMAT: "json",
          ...controlPlaneEnvironment(
            credentials,
            { http: ports.http ?? 0, stream: ports.stream ?? 0 },
            fleet?.database.url ?? database.url,
            join(folder, name),
          ),
          ...(elsewhere === undefined
            ? {}
            : {
                STREAM_TLS_CERT_PATH: elsewhere.certificate.certPath,
                STREAM_TLS_KEY_PATH: elsewhere.certificate.keyPath,
              }),
        }),
      });
    const controlPlanes: [Plane, Plane] = [controlPlane("control-1"), controlPlane("control-2")];
    const balancer = await TcpBalancer.start(
      () => controlPlanes.map((plane) => plane.port("stream")),
      elsewhere?.controlPlaneHost,
    );
    const dataPlane = async (name: string, region: string): Promise<Plane> => {
      const token = join(folder, `${name}.token`);
      await command(
        "mint-token",
        ...["--stream-key", join(folder, "credentials/stream-token.pem"), "--group", `pool-${region}`],
        ...["--region", region, "--days", "1", "--out", token],
      );
      return new Plane({
        name,
        region,
        folder: join(folder, name),
        main: dataPlaneMain,
        startedBy: elsewhere?.startedBy ?? [],
        environment: (ports) => ({
          LOG_FORMAT: "json",
          ...dataPlaneEnvironment(
            credentials,
            {
              transaction: ports.transaction ?? 0,
              session: ports.session ?? 0,
              operations: ports.operations ?? 0,
            },
            balancer.port,
            join(folder, name),
          ),
          DATA_PLANE_TOKEN_PATH: token,
          REGION: region,
          ...(elsewhere === undefined
            ? {}
            : {
                DATA_PLANE_WORKERS: "1",
                LISTEN_ADDRESS: elsewhere.host,
                OPERATIONS_ADDRESS: elsewhere.host,
                CONTROL_PLANE_URL: `https://${elsewhere.controlPlaneHost}:${balancer.port}`,
                CONTROL_PLANE_CA_PATH: elsewhere.certificate.certPath,
              }),
        }),
      });
    };
    const dataPlanes = [
      await dataPlane("west-1", "west"),
      await dataPlane("west-2", "west"),
      await dataPlane("east-1", "east"),
    ];
    const host = elsewhere?.host ?? "127.0.0.1";
    fleet = new RegionalFleet(folder, credentials, database, balancer, controlPlanes, dataPlanes, host);
    try {
      for (const plane of controlPlanes) await plane.start();
      await Promise.all(dataPlanes.map((plane) => plane.start()));
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.dataPlanes, ...this.controlPlanes].map((plane) => plane.stop()));
    await this.balancer.stop();
    for (const database of this.#databases) await database.drop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** That the control planes use, or will when they start. */
  get database(): Database {
    const database = this.#databases.at(-1);
    if (database === undefined) throw new Error("there is no database");
    return database;
  }

  /** From their next start on the control planes use this one. */
  useDatabase(database: Database): void {
    this.#databases.push(database);
  }

  /** A copy of the database, which nobody may be using. */
  async copyDatabase(): Promise<Database> {
    const copy = await createDatabase();
    await copy.drop();
    const { host, port, user, password, database } = this.database;
    const client = new pg.Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    try {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND pid <> pg_backend_pid()`,
      );
      await client.query(`CREATE DATABASE ${copy.database} TEMPLATE ${database} STRATEGY FILE_COPY`);
    } finally {
      await client.end();
    }
    return copy;
  }

  /** As the guide does it, with curl, through one of the control planes. */
  async curl(plane: Plane, method: string, path: string, body?: unknown): Promise<unknown> {
    const { stdout } = await promisify(execFile)("curl", [
      ...["-sS", "--max-time", "20", "-X", method, `http://127.0.0.1:${plane.port("http")}${path}`],
      ...["-H", `Authorization: Bearer ${GUIDE_TOKEN}`, "-H", "Content-Type: application/json"],
      ...(body === undefined ? [] : ["--data-raw", JSON.stringify(body)]),
    ]);
    return stdout === "" ? undefined : JSON.parse(stdout);
  }

  async putTenant(plane: Plane, id: string, tenant: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await this.curl(plane, "PUT", `/api/tenants/${id}`, { tenant });
    if (!JSON.stringify(answer).includes(id)) throw new Error(`PUT ${id}: ${JSON.stringify(answer)}`);
  }

  async fleet(plane: Plane): Promise<readonly FleetRow[]> {
    const answer = (await this.curl(plane, "GET", "/api/fleet")) as { data: FleetRow[] };
    return answer.data;
  }

  /** The documented procedure: docs/keys.md, "AHEAD". */
  async raiseEpoch(to: number): Promise<void> {
    await command(
      "change-keyset",
      ...["--keyset", this.#credentials.keysetPath, "--root-key", join(this.#folder, "credentials/root.pem")],
      ...["--raise-epoch-to", String(to), "--expires-days", "90"],
    );
  }

  async login(plane: Plane, tenant: string, password: string): Promise<number> {
    const client = new pg.Client({
      host: this.#dataPlaneHost,
      port: plane.port("transaction"),
      user: `postgres.${tenant}`,
      password,
      database: "postgres",
      connectionTimeoutMillis: 20_000,
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<{ one: number }>("select 1 as one")).rows[0]?.one ?? 0;
    } finally {
      await client.end();
    }
  }

  async readiness(plane: Plane): Promise<{ generation: string | null; warnings: string[] }> {
    const answer = await fetch(`http://${this.#dataPlaneHost}:${plane.port("operations")}/readyz`);
    return (await answer.json()) as { generation: string | null; warnings: string[] };
  }
}

async function command(name: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [join(workspace, "control-plane/dist/commands", `${name}.js`), ...args],
    { timeout: 30_000 },
  );
}
