import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mintDataPlaneToken, type StreamLimits } from "@sluice/control-plane/stream/index";
import { type ActedOrder, type OwnStatus, Subscription } from "@sluice/data-plane/subscription/index";
import { openStreamClient, type StreamClient } from "@sluice/data-plane/subscription/stream-client";
import {
  anyOrder,
  Directory,
  examineRecord,
  givenOrders,
  keepRecords,
} from "@sluice/data-plane/tenants/index";
import { makeCertificate } from "@sluice/local/certificates";
import { scopeOfRegion } from "@sluice/shared/bundle";
import { type Clock, systemClock } from "@sluice/shared/time";
import { createDatabase, type Database } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { Api } from "../control-plane/api.js";
import { Replica } from "../control-plane/replica.js";
import { Trust } from "../control-plane/trust.js";
import { RecordingLogger } from "../stream/recording-logger.js";

export const EMPTY_STATUS: OwnStatus = { ready: true, bans: [], metrics: { families: [], labelSets: [] } };

interface DataPlaneOptions {
  readonly group?: string;
  readonly region?: string;
  readonly replica?: Replica;
  /** Of one that ran before; default: a new one. */
  readonly folder?: string;
  readonly nodeKeyPath?: string;
  /** Of its group, as pods share one; default: one of its own. */
  readonly token?: string;
  /** Default: the system's. */
  readonly clock?: Clock;
}

interface ReplicaStart {
  /** Default: the rig's own. */
  readonly databaseUrl?: string;
  /** By which it decides how long ago something was. */
  readonly clock?: Clock;
}

/** A data plane without clients: the real subscription on a real directory, which says what it was ordered. */
export interface RigDataPlane {
  readonly subscription: Subscription;
  readonly directory: Directory;
  readonly logger: RecordingLogger;
  readonly folder: string;
  /** By tenant, in their order: what was acted on. */
  readonly ordered: { readonly tenant: string; readonly terminate: boolean }[];
  /** What it reports from now on. */
  status: OwnStatus;
  readonly instance: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Control planes on one Postgres and data planes on their streams, in one process, with everything really signed and stored. */
export class FleetRig {
  readonly database: Database;
  readonly folder: string;
  readonly #trust: Trust;
  readonly #tls: { readonly cert: Buffer; readonly key: Buffer };
  readonly #tokens = generateKeyPairSync("ed25519");
  readonly #replicas: Replica[] = [];
  readonly #dataPlanes: RigDataPlane[] = [];
  readonly #clients: StreamClient[] = [];
  #made = 0;

  private constructor(
    database: Database,
    folder: string,
    trust: Trust,
    tls: { readonly cert: Buffer; readonly key: Buffer },
  ) {
    this.database = database;
    this.folder = folder;
    this.#trust = trust;
    this.#tls = tls;
  }

  static async open(): Promise<FleetRig> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-fleet-"));
    const files = { certPath: join(folder, "tls.crt"), keyPath: join(folder, "tls.key") };
    await makeCertificate("sluice test", files);
    const tls = { cert: await readFile(files.certPath), key: await readFile(files.keyPath) };
    return new FleetRig(await createDatabase(), folder, await Trust.make(), tls);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#dataPlanes.map((dataPlane) => dataPlane.stop()));
    for (const replica of this.#replicas) await this.stopReplica(replica);
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async startReplica(limits: Partial<StreamLimits> = {}, start: ReplicaStart = {}): Promise<Replica> {
    const { databaseUrl = this.database.url, clock = systemClock } = start;
    const stream = { tls: this.#tls, tokenPublicKey: this.#tokens.publicKey, limits };
    const replica = await Replica.start(databaseUrl, { trust: this.#trust, stream, clock });
    this.#replicas.push(replica);
    return replica;
  }

  async stopReplica(replica: Replica): Promise<void> {
    const at = this.#replicas.indexOf(replica);
    if (at === -1) return;
    this.#replicas.splice(at, 1);
    await replica.stop();
  }

  token(group: string, region: string): Promise<string> {
    return mintDataPlaneToken(this.#tokens.privateKey, { group, region, days: 1 }, Date.now());
  }

  /** The calls of a data plane, for whoever has a credential and says what he likes. */
  async strangeClient(
    replica: Replica,
    group = "pods",
    region = "eu",
    token?: string,
  ): Promise<StreamClient> {
    const url = `https://127.0.0.1:${replica.stream.port}`;
    const tls = { ca: this.#tls.cert, clientCertificate: undefined };
    const client = openStreamClient(url, tls, token ?? (await this.token(group, region)));
    this.#clients.push(client);
    return client;
  }

  async startDataPlane(options: DataPlaneOptions = {}): Promise<RigDataPlane> {
    const { group = "pods", region = "eu" } = options;
    const replica = options.replica ?? this.#replicas[0];
    if (replica === undefined) throw new Error("there is no replica");
    this.#made += 1;
    const folder = options.folder ?? join(this.folder, `data-plane-${this.#made}`);
    const token = options.token ?? (await this.token(group, region));
    const directory = new Directory({ tellsOfAll: true });
    const logger = new RecordingLogger();
    const ordered: { readonly tenant: string; readonly terminate: boolean }[] = [];
    let acted: ActedOrder[] = [];
    directory.listen({
      tenantChanged: (tenant, before) => {
        const orders = givenOrders(tenant, before);
        if (!anyOrder(orders)) return;
        ordered.push({ tenant: tenant.id, terminate: orders.terminate });
        acted.push({ tenant: tenant.id, counts: orders.terminate ? { clients_terminated: 2 } : {} });
      },
      tenantRemoved: () => undefined,
    });
    const subscription = new Subscription({
      controlPlaneUrl: `https://127.0.0.1:${replica.stream.port}`,
      ca: this.#tls.cert,
      token: () => Promise.resolve(token),
      trustRootKeys: [this.#trust.rootKey],
      region,
      dataFolder: folder,
      nodeKeyPath: options.nodeKeyPath ?? join(folder, "node-key.pem"),
      build: "test",
      clock: options.clock ?? systemClock,
      logger,
      sink: {
        examine: (id, body, dataKeys) => examineRecord(id, body, scopeOfRegion(region), dataKeys),
        apply: (change) => keepRecords(directory, change),
      },
      acted: () => {
        const taken = acted;
        acted = [];
        return Promise.resolve(taken);
      },
      ownStatus: () => Promise.resolve(dataPlane.status),
      statusIntervalMs: 200,
    });
    const dataPlane: RigDataPlane = {
      subscription,
      directory,
      logger,
      folder,
      ordered,
      status: EMPTY_STATUS,
      instance: async () => (await readFile(join(folder, "instance-id"), "utf8")).trim(),
      stop: () => subscription.stop(),
    };
    this.#dataPlanes.push(dataPlane);
    await subscription.start();
    return dataPlane;
  }
}

/** As the fleet's page shows it; undefined: not yet. */
export async function shown(replica: Replica, dataPlane: RigDataPlane, group = "pods") {
  const answer = await new Api(replica).get(`/api/fleet/instances/${group}/${await dataPlane.instance()}`);
  return answer.status === 200 ? answer.body.data : undefined;
}

export function hasStatus(replica: Replica, dataPlane: RigDataPlane, status: string) {
  return eventually(
    `the status ${status}`,
    async () => {
      const found = await shown(replica, dataPlane);
      if (found?.status !== status) throw new Error(`it is ${found?.status}`);
      return found;
    },
    { timeoutMs: 20_000, everyMs: 50 },
  );
}

/** Waits until the data plane knows the tenant. */
export function serves(dataPlane: RigDataPlane, tenant: string) {
  return eventually(`${tenant} is known`, () => dataPlane.directory.find(tenant), { timeoutMs: 20_000 });
}
