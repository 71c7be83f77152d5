import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  mintDataPlaneToken,
  type StreamLimits,
  type StreamServer,
  type StreamServerOptions,
  startStreamServer,
} from "@sluice/control-plane/stream/index";
import { type AcceptedChange, type StateSink, Subscription } from "@sluice/data-plane/subscription/index";
import { makeCertificate } from "@sluice/local/certificates";
import { decodeTenant, type VerifiedBytes } from "@sluice/shared/bundle";
import { systemClock } from "@sluice/shared/time";
import { eventually } from "../../support/eventually.js";
import { MemoryPublications } from "./memory-publications.js";
import { RecordingLogger } from "./recording-logger.js";

export const REGION = "here";

/** A record that names it cannot be used. */
export const UNUSABLE_HOST = "unusable";

/** Serves what it was given: each tenant's host. */
export class HostsSink implements StateSink {
  readonly hosts = new Map<string, string>();
  readonly changes: AcceptedChange[] = [];

  examine(_id: string, body: VerifiedBytes): void {
    if (decodeTenant(body).dbHost === UNUSABLE_HOST) throw new Error("its host cannot be used");
  }

  apply(change: AcceptedChange): void {
    this.changes.push(change);
    for (const id of change.remove) this.hosts.delete(id);
    for (const [id, body] of change.upsert) this.hosts.set(id, decodeTenant(body).dbHost);
  }

  get all(): Record<string, string> {
    return Object.fromEntries([...this.hosts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

interface DataPlane {
  readonly subscription: Subscription;
  readonly sink: HostsSink;
  readonly logger: RecordingLogger;
  readonly folder: string;
}

interface DataPlaneOptions {
  /** Of one that ran before; default: a new one. */
  readonly folder?: string;
  /** "none": the certificate is the credential. */
  readonly token?: string;
  readonly clientCertificate?: { readonly cert: Buffer; readonly key: Buffer };
  readonly nodeKeyPath?: string;
  /** PEM of the CA that it trusts; default: the server's own. */
  readonly ca?: Buffer;
  readonly heartbeatIntervalMs?: number;
  /** Of another control plane. */
  readonly port?: number;
}

/** A stream server and data planes on loopback, over TLS, with everything really signed. */
export class StreamRig {
  readonly publications: MemoryPublications;
  readonly controlPlaneLog = new RecordingLogger();
  readonly folder: string;
  readonly #streamKeys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly #tls: { readonly cert: Buffer; readonly key: Buffer };
  readonly #subscriptions: Subscription[] = [];
  #server: StreamServer | undefined;
  #port = 0;
  #made = 0;

  private constructor(
    publications: MemoryPublications,
    folder: string,
    tls: { readonly cert: Buffer; readonly key: Buffer },
  ) {
    this.publications = publications;
    this.folder = folder;
    this.#tls = tls;
    this.#streamKeys = generateKeyPairSync("ed25519");
  }

  static async open(): Promise<StreamRig> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-stream-"));
    const files = { certPath: join(folder, "tls.crt"), keyPath: join(folder, "tls.key") };
    await makeCertificate("sluice test", files);
    const tls = { cert: await readFile(files.certPath), key: await readFile(files.keyPath) };
    const rig = new StreamRig(await MemoryPublications.open(), folder, tls);
    await rig.startServer();
    return rig;
  }

  async close(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
    await this.stopServer();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** On the port of the one before, so that data planes find it again. */
  async startServer(
    limits: Partial<StreamLimits> = {},
    ways: Pick<StreamServerOptions, "clientCa" | "blockedTokens" | "renewedTls"> = {},
  ): Promise<void> {
    this.#server = await startStreamServer({
      ...ways,
      limits,
      publications: this.publications,
      logger: this.controlPlaneLog,
      clock: systemClock,
      host: "127.0.0.1",
      port: this.#port,
      tls: this.#tls,
      tokenPublicKey: this.#streamKeys.publicKey,
      name: "control plane under test",
    });
    this.#port = this.#server.port;
  }

  get server(): StreamServer {
    if (this.#server === undefined) throw new Error("the server is stopped");
    return this.#server;
  }

  get port(): number {
    return this.#port;
  }

  get tls(): { readonly cert: Buffer; readonly key: Buffer } {
    return this.#tls;
  }

  get certificate(): Buffer {
    return this.#tls.cert;
  }

  async stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }

  token(region = REGION): Promise<string> {
    return mintDataPlaneToken(this.#streamKeys.privateKey, { group: "tests", region, days: 1 }, Date.now());
  }

  get streamKey(): KeyObject {
    return this.#streamKeys.privateKey;
  }

  async startDataPlane(options: DataPlaneOptions = {}): Promise<DataPlane> {
    const token = options.token ?? (await this.token());
    this.#made += 1;
    const folder = options.folder ?? join(this.folder, `data-plane-${this.#made}`);
    const sink = new HostsSink();
    const logger = new RecordingLogger();
    const subscription = new Subscription({
      controlPlaneUrl: `https://127.0.0.1:${options.port ?? this.#port}`,
      ca: options.ca ?? this.#tls.cert,
      token: () => Promise.resolve(token === "none" ? undefined : token),
      clientCertificate: () => Promise.resolve(options.clientCertificate),
      trustRootKeys: [this.publications.root.raw],
      region: REGION,
      dataFolder: folder,
      nodeKeyPath: options.nodeKeyPath ?? join(folder, "node-key.pem"),
      build: "test",
      clock: systemClock,
      logger,
      sink,
      acted: () => Promise.resolve([]),
      ownStatus: () => Promise.resolve({ ready: true, bans: [], metrics: { families: [], labelSets: [] } }),
      ...(options.heartbeatIntervalMs === undefined
        ? {}
        : { heartbeatIntervalMs: options.heartbeatIntervalMs }),
    });
    this.#subscriptions.push(subscription);
    await subscription.start();
    return { subscription, sink, logger, folder };
  }
}

/** Waits until the data plane has the generation in force. */
export async function holds(dataPlane: DataPlane, generation: bigint): Promise<void> {
  await eventually(
    `generation ${generation} in force`,
    () => dataPlane.subscription.status().generation === generation,
    { timeoutMs: 20_000 },
  );
}

/** Waits until the data plane has logged that it refused with the code. */
export async function refuses(dataPlane: DataPlane, refusal: string): Promise<void> {
  await eventually(
    `a refusal ${refusal} in the log`,
    () => dataPlane.logger.find("configuration refused", { refusal }) !== undefined,
    { timeoutMs: 20_000 },
  );
}
