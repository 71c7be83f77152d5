import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "@sluice/local/create-database";
import { type Credentials, command, prepareCredentials } from "@sluice/local/credentials";
import { controlPlaneEnvironment } from "@sluice/local/plane-environment";
import { PlaneProcess, type Ports } from "@sluice/local/plane-process";
import { controlPlaneMain } from "@sluice/local/workspace";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import { GUIDE_TOKEN } from "../../support/tenant-api.js";
import type { SubscribersTask } from "./subscribers-process.js";

const STOP_TIMEOUT_MS = 20_000;
const DATABASE = "propagation";
const SOCKETS = 8;

/** A control plane as a process of its own, on a Postgres of its own that makes everything durable. */
export class BenchedControlPlane {
  readonly #folder: string;
  readonly #postgres: EmbeddedPostgres;
  readonly #credentials: Credentials;
  readonly #databaseUrl: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  #process: PlaneProcess | undefined;
  #ports: Ports = {};

  private constructor(
    folder: string,
    postgres: EmbeddedPostgres,
    credentials: Credentials,
    databaseUrl: string,
  ) {
    this.#folder = folder;
    this.#postgres = postgres;
    this.#credentials = credentials;
    this.#databaseUrl = databaseUrl;
  }

  static async make(): Promise<BenchedControlPlane> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    chmodSync(folder, 0o711);
    const postgres = await EmbeddedPostgres.start({ folder: join(folder, "postgres"), port: 0 });
    const { host, port, user, password } = postgres;
    const url = await createDatabase({ host, port, user, password }, DATABASE);
    const credentials = await prepareCredentials(join(folder, "credentials"));
    return new BenchedControlPlane(folder, postgres, credentials, url);
  }

  /** A new process, on the ports of the one before: its memory is its own. */
  async start(): Promise<void> {
    const ports = { http: this.#ports.http ?? 0, stream: this.#ports.stream ?? 0 };
    const folder = join(this.#folder, "control-plane");
    this.#process = await PlaneProcess.start({
      name: "control plane",
      main: controlPlaneMain,
      environment: {
        ...controlPlaneEnvironment(this.#credentials, ports, this.#databaseUrl, folder),
        ...{ API_RATE_LIMIT_PER_TOKEN: "0", API_RATE_LIMIT_PER_ADDRESS: "0" },
      },
      onLine: () => undefined,
    });
    this.#ports = this.#process.ports;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async stop(): Promise<void> {
    await this.#process?.stop(STOP_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async remove(): Promise<void> {
    this.#agent.destroy();
    await this.stop();
    await this.#postgres.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(this.#postgres.folder, { recursive: true, force: true });
  }

  /** What subscribers of a group and region are told. @param count 1,000 at most, the cap of a group */
  async task(region: string, group: string, count: number): Promise<SubscribersTask> {
    const token = join(this.#folder, `${group}.token`);
    await command(
      "mint-token",
      ...["--stream-key", join(this.#folder, "credentials/stream-token.pem"), "--group", group],
      ...["--region", region, "--days", "1", "--out", token],
    );
    return {
      url: `https://localhost:${this.#ports.stream ?? 0}`,
      ca: readFileSync(this.#credentials.streamCertPath, "utf8"),
      token: readFileSync(token, "utf8").trim(),
      region,
      rootKey: this.#credentials.trustRootKey,
      count,
      held: undefined,
    };
  }

  /** @returns the generation of the change @throws for any answer but a good one */
  put(id: string, tenant: Readonly<Record<string, unknown>>): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const path = `/api/tenants/${id}`;
      const sent = request(
        {
          agent: this.#agent,
          ...{ host: "127.0.0.1", port: this.#ports.http ?? 0, method: "PUT", path },
          headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
        },
        (response) => {
          response.resume().on("end", () => {
            const { statusCode = 0, headers } = response;
            const generation = headers["sluice-generation"];
            if (statusCode < 300 && typeof generation === "string") resolve(BigInt(generation));
            else reject(new Error(`PUT ${path}: ${statusCode}`));
          });
        },
      );
      sent.on("error", reject);
      sent.end(JSON.stringify({ tenant }));
    });
  }

  /** Several at once. */
  async putAll(
    count: number,
    nameOf: (index: number) => string,
    tenantOf: (index: number) => Readonly<Record<string, unknown>>,
  ): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < count) {
        const index = next;
        next += 1;
        await this.put(nameOf(index), tenantOf(index));
      }
    };
    await Promise.all(Array.from({ length: SOCKETS }, work));
  }

  /** As the control plane has written it down: ms from the commit to each ack, sorted. */
  async commitToAckMs(from: bigint, to: bigint): Promise<readonly number[]> {
    const client = new pg.Client({ connectionString: this.#databaseUrl });
    await client.connect();
    try {
      const { rows } = await client.query<{ ms: number }>(
        `SELECT extract(epoch FROM a.at - g.committed_at)::float8 * 1000 AS ms
         FROM sluice.acks a JOIN sluice.generations g USING (generation)
         WHERE g.generation BETWEEN $1 AND $2 ORDER BY ms`,
        [String(from), String(to)],
      );
      return rows.map(({ ms }) => ms);
    } finally {
      await client.end();
    }
  }
}
