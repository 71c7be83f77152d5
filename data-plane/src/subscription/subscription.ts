import type { KeyObject } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  BundleRefused,
  OLDEST_SCHEMA_VERSION,
  publicKeyFromRaw,
  SCHEMA_VERSION,
  scopeOfRegion,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { loadOrMakeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import type { ReportRequestSchema, WatchRequestSchema, WatchResponse } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import { Configuration, type Intake } from "./configuration.js";
import { FolderLock } from "./folder-lock.js";
import { loadOrMakeInstanceId } from "./instance-id.js";
import type { OwnStatus } from "./own-status.js";
import { describePosition, type Position } from "./position.js";
import { Reconnection } from "./reconnection.js";
import { SchemaUnreadable } from "./schema-unreadable.js";
import { isFinal, StandingRefusal } from "./standing-refusal.js";
import type { ActedOrder, StateSink } from "./state-sink.js";
import { StatusReports } from "./status-reports.js";
import { describeStreamError, isSuperseded, openStreamClient, type StreamClient } from "./stream-client.js";
import { Watchdog } from "./watchdog.js";
import type { ClientCertificate } from "./wide-session.js";

export interface SubscriptionOptions {
  /** `https://host:port` */
  readonly controlPlaneUrl: string;
  /** PEM; undefined: the system's roots. */
  readonly ca: Buffer | undefined;
  /** Read again for each connection: tokens are renewed in place. */
  readonly token: () => Promise<string | undefined>;
  /** The other way in, read again for each connection too. Default: none. */
  readonly clientCertificate?: () => Promise<ClientCertificate | undefined>;
  /** Raw Ed25519 public keys: by signatures of so many of them a keyset is good. Default: one. */
  readonly trustRootKeys: readonly Uint8Array[];
  readonly trustRootThreshold?: number;
  readonly region: string;
  readonly dataFolder: string;
  readonly nodeKeyPath: string;
  readonly build: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: StateSink;
  /** What became of the orders applied since it was last asked; waits for them, within a bound of its own. */
  readonly acted: () => Promise<readonly ActedOrder[]>;
  /** What is reported besides the configuration. */
  readonly ownStatus: () => Promise<OwnStatus>;
  /** Between two reports of the status. Default 15 s. */
  readonly statusIntervalMs?: number;
  /** Between two heartbeats of the control plane; three that are missing end a connection. Default 10 s. */
  readonly heartbeatIntervalMs?: number;
}

export interface SubscriptionStatus {
  readonly connected: boolean;
  /** Undefined: nothing is held. */
  readonly epoch: bigint | undefined;
  readonly generation: bigint | undefined;
  /** 0n: none. */
  readonly keysetVersion: bigint;
  /** Ms since the epoch. Past it nothing new is taken; undefined: no keyset is held. */
  readonly keysetExpiresAtMs: number | undefined;
  /** Ms since a signed heartbeat said that what is held is the newest; undefined: not since the start. */
  readonly freshnessAgeMs: number | undefined;
  /** No heartbeat that is still good says that what is held is the newest. A warning: it is served all the same. */
  readonly stale: boolean;
  /** Why the last connection ended or the last message was refused. */
  readonly lastError: string | undefined;
  /** Ids of records whose newest content cannot be used. */
  readonly quarantined: readonly string[];
}

interface Own {
  readonly instance: string;
  readonly nodeKey: KeyObject;
  readonly configuration: Configuration;
}

type Outcome = NonNullable<MessageInitShape<typeof ReportRequestSchema>["outcome"]>;

const HEARTBEAT_INTERVAL_MS = 10_000;
const MISSED_HEARTBEATS = 3;
const REPORT_TIMEOUT_MS = 5000;
const STATUS_INTERVAL_MS = 15_000;

/** How a connection ends on which nothing is wrong. */
const ENDS = {
  drain: "the control plane has sent this data plane on",
  "ask again": "there is a newer state than this data plane has refused: it is asked for again",
} as const;

const STATE_MESSAGES: ReadonlySet<string> = new Set(["snapshot", "chunk", "delta"]);

/**
 * Follows the control plane, and never needs it: what was accepted is on disk as received, is verified again when
 * it is read, and is served for ever.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stopping = new AbortController();
  #lock: FolderLock | undefined;
  #own: Own | undefined;
  #running: Promise<void> | undefined;
  #connected = false;
  #lastError: string | undefined;
  /** Of the connection that is open. */
  #statusReports: StatusReports | undefined;
  readonly #standingRefusal: StandingRefusal;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#standingRefusal = new StandingRefusal(options.clock);
  }

  /** Applies what is on disk, then follows the control plane in the background. @throws FolderInUse */
  async start(): Promise<void> {
    const { dataFolder, nodeKeyPath, region, trustRootKeys, sink, clock, logger } = this.#options;
    const { trustRootThreshold = 1 } = this.#options;
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    this.#lock = await FolderLock.take(dataFolder, logger);
    const folder = join(dataFolder, "configuration");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const instance = await loadOrMakeInstanceId(join(dataFolder, "instance-id"));
    const nodeKey = await loadOrMakeNodeKey(nodeKeyPath);
    const configuration = await Configuration.open({
      folder,
      scope: scopeOfRegion(region),
      instance,
      nodeKey,
      rootKeys: { keys: trustRootKeys.map(publicKeyFromRaw), threshold: trustRootThreshold },
      sink,
      build: this.#options.build,
      clock,
      logger,
    });
    this.#own = { instance, nodeKey, configuration };
    this.#running = this.#follow();
    background(logger, "subscription", this.#running);
  }

  /** Ends the connection; what is held stays in force. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#lock?.release();
    this.#lock = undefined;
  }

  status(): SubscriptionStatus {
    const configuration = this.#own?.configuration;
    return {
      connected: this.#connected,
      epoch: configuration?.held?.epoch,
      generation: configuration?.held?.generation,
      keysetVersion: configuration?.keysetVersion ?? 0n,
      keysetExpiresAtMs: configuration?.keysetExpiresAtMs,
      freshnessAgeMs: configuration?.freshness.ageMs,
      stale: configuration?.freshness.stale ?? false,
      lastError: this.#lastError,
      quarantined: [...(configuration?.quarantined.keys() ?? [])],
    };
  }

  async #follow(): Promise<void> {
    const { logger, clock } = this.#options;
    const reconnection = new Reconnection(clock);
    while (!this.#stopping.signal.aborted) {
      let delayMs: number;
      try {
        const end = await this.#connect(() => reconnection.good());
        delayMs = reconnection.afterDrain();
        logger.info(ENDS[end], { retryInMs: Math.round(delayMs) });
      } catch (error) {
        if (this.#stopping.signal.aborted) break;
        delayMs = isSuperseded(error) ? reconnection.afterSuperseded() : reconnection.afterFailure();
        this.#lastError = describeStreamError(error);
        logger.warn("not connected to the control plane", {
          reason: this.#lastError,
          serving: describePosition(this.#ready.configuration.held),
          retryInMs: Math.round(delayMs),
        });
      }
      await this.#pause(delayMs);
    }
  }

  /** One connection, from its hello to its end. Throws for every end that is not one of these. */
  async #connect(onGood: () => void): Promise<keyof typeof ENDS> {
    const { controlPlaneUrl, ca, token, clientCertificate, clock } = this.#options;
    const silenceMs = MISSED_HEARTBEATS * (this.#options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS);
    const ending = new AbortController();
    const end = (): void => ending.abort(this.#stopping.signal.reason);
    this.#stopping.signal.addEventListener("abort", end);
    const tls = { ca, clientCertificate: await clientCertificate?.() };
    const client = openStreamClient(controlPlaneUrl, tls, (await token())?.trim());
    const watchdog = new Watchdog(clock, silenceMs, () => {
      ending.abort(new Error(`the control plane has been silent for ${silenceMs} ms`));
    });
    const { statusIntervalMs = STATUS_INTERVAL_MS } = this.#options;
    const reports = new StatusReports(clock, statusIntervalMs, () =>
      this.#reportStatus(client, ending.signal),
    );
    this.#statusReports = reports;
    try {
      for await (const message of client.calls.watch(this.#request(client), { signal: ending.signal })) {
        watchdog.hold();
        const next = await this.#receive(message, client, ending.signal, onGood);
        if (next !== "go on") return next;
        watchdog.feed();
      }
      throw new Error("the control plane has ended the stream");
    } catch (error) {
      // Connect tells an abort as "canceled"; the reason is ours.
      if (ending.signal.aborted && ending.signal.reason instanceof Error) throw ending.signal.reason;
      throw error;
    } finally {
      watchdog.hold();
      reports.stop();
      this.#stopping.signal.removeEventListener("abort", end);
      this.#connected = false;
      this.#ready.configuration.forgetIncoming();
      this.#standingRefusal.streamEnded();
      // Leaving the loop does not end the call.
      ending.abort();
      client.close();
    }
  }

  async #receive(
    message: WatchResponse,
    client: StreamClient,
    signal: AbortSignal,
    onGood: () => void,
  ): Promise<keyof typeof ENDS | "go on"> {
    const { configuration } = this.#ready;
    const { event } = message;
    try {
      switch (event.case) {
        case "hello":
          checkSchema(event.value.schemaVersion);
          this.#connected = true;
          this.#options.logger.info("connected to the control plane", {
            controlPlane: event.value.controlPlane,
            scope: event.value.scope,
            group: event.value.group,
          });
          this.#statusReports?.now();
          break;
        case "keyset":
          // Whoever rotates keys waits until each data plane has said that it has the new keyset.
          if (await configuration.takeKeyset(event.value)) this.#statusReports?.now();
          break;
        case "keyring":
          await configuration.takeKeyring(event.value);
          break;
        case "snapshot":
          await this.#settled(await configuration.takeManifest(event.value), client, signal, onGood);
          break;
        case "chunk":
          await this.#settled(await configuration.takeChunk(event.value), client, signal, onGood);
          break;
        case "heartbeat":
          if (await configuration.takeHeartbeat(event.value)) onGood();
          if (configuration.isBehind && this.#standingRefusal.asksAgain()) return "ask again";
          break;
        case "drain":
          return "drain";
        case "delta":
          await this.#settled(await configuration.takeDelta(event.value), client, signal, onGood);
          break;
        case undefined:
          // Something that a newer control plane sends.
          break;
        default:
          event satisfies never;
      }
    } catch (error) {
      if (error instanceof SchemaUnreadable) throw error;
      await this.#refuse(error, event.case ?? "", client, signal);
    }
    return "go on";
  }

  async #settled(
    intake: Intake,
    client: StreamClient,
    signal: AbortSignal,
    onGood: () => void,
  ): Promise<void> {
    if (intake.kind !== "taken") return;
    onGood();
    this.#lastError = undefined;
    this.#standingRefusal.isOver();
    const { position, quarantined } = intake;
    this.#options.logger.info("configuration taken", {
      held: describePosition(position),
      quarantined: quarantined.length,
    });
    const acted = await this.#options.acted();
    const results = acted.map(({ tenant, counts }) => ({ tenant, counts: countsOf(counts) }));
    await this.#report(
      { case: "ack", value: { held: heldOf(position), quarantined: [...quarantined], results } },
      client,
      signal,
    );
    // What was ended or lifted is seen at once.
    if (acted.length > 0) this.#statusReports?.now();
  }

  async #reportStatus(client: StreamClient, signal: AbortSignal): Promise<void> {
    const { configuration } = this.#ready;
    const { held } = configuration;
    const { ageMs: freshnessAgeMs } = configuration.freshness;
    let own: OwnStatus;
    try {
      own = await this.#options.ownStatus();
    } catch (error) {
      this.#options.logger.error("the own status cannot be told", { error });
      return;
    }
    const value = {
      ready: own.ready,
      keysetVersion: configuration.keysetVersion,
      quarantined: [...configuration.quarantined.keys()],
      bans: own.bans.map((ban) => ({ ...ban, remainingMs: BigInt(Math.ceil(ban.remainingMs)) })),
      metrics: own.metrics.families.map((family) => ({ ...family, samples: [...family.samples] })),
      labelSets: own.metrics.labelSets.map((labels) => ({ labels: { ...labels } })),
      ...(freshnessAgeMs === undefined ? {} : { freshnessAgeMs: BigInt(Math.round(freshnessAgeMs)) }),
      ...(held === undefined ? {} : { held: heldOf(held) }),
    };
    await this.#report({ case: "status", value }, client, signal);
  }

  /** Logs and reports. @throws when it is worth asking again, which takes another connection. */
  async #refuse(error: unknown, message: string, client: StreamClient, signal: AbortSignal): Promise<void> {
    const { configuration } = this.#ready;
    const isOfState = STATE_MESSAGES.has(message);
    const refusal = error instanceof BundleRefused ? error.refusal : "NOT_APPLIED";
    const code = isOfState ? this.#standingRefusal.stands(refusal) : refusal;
    this.#lastError = `${message} refused (${code}): ${messageOf(error)}`;
    this.#options.logger.error("configuration refused", {
      refusal: code,
      message,
      error,
      serving: describePosition(configuration.held),
    });
    const { held } = configuration;
    const refused = isOfState ? configuration.offered : undefined;
    await this.#report(
      {
        case: "nack",
        value: {
          code,
          detail: messageOf(error).slice(0, 1000),
          ...(refused === undefined ? {} : { refused: heldOf(refused) }),
          ...(held === undefined ? {} : { held: heldOf(held) }),
        },
      },
      client,
      signal,
    );
    if (!isFinal(code)) throw error;
  }

  /** What is reported is in the next request, too: a report that is lost does no harm. */
  async #report(outcome: Outcome, client: StreamClient, signal: AbortSignal): Promise<void> {
    try {
      const { instance } = this.#ready;
      const { reportKey } = client;
      await client.calls.report({ instance, outcome, reportKey }, { signal, timeoutMs: REPORT_TIMEOUT_MS });
    } catch (error) {
      if (!signal.aborted)
        this.#options.logger.warn("report not delivered", { reason: describeStreamError(error) });
    }
  }

  #request({ reportKey }: StreamClient): MessageInitShape<typeof WatchRequestSchema> {
    const { instance, nodeKey, configuration } = this.#ready;
    const { held, mark, proof } = configuration;
    return {
      instance,
      publicKey: Uint8Array.from(rawNodePublicKey(nodeKey)),
      build: this.#options.build,
      maxSchemaVersion: SCHEMA_VERSION,
      minSchemaVersion: OLDEST_SCHEMA_VERSION,
      keysetVersion: configuration.keysetVersion,
      dataKeyIds: configuration.dataKeyIds,
      reportKey,
      ...(held === undefined ? {} : { held: heldOf(held) }),
      ...(mark === undefined ? {} : { mark: heldOf(mark) }),
      ...(proof === undefined ? {} : { proof: Uint8Array.from(proof) }),
    };
  }

  get #ready(): Own {
    if (this.#own === undefined) throw new Error("the subscription has not been started");
    return this.#own;
  }

  #pause(delayMs: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#options.clock.schedule(delayMs, done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}

function heldOf({ epoch, generation, root }: Position): {
  epoch: bigint;
  generation: bigint;
  stateRoot: Uint8Array;
} {
  return { epoch, generation, stateRoot: root };
}

/** In front of everything else on a connection. @throws SchemaUnreadable, which ends it */
function checkSchema(version: number): void {
  // A control plane from before there was a choice.
  const published = version === 0 ? 1 : version;
  if (published < OLDEST_SCHEMA_VERSION || published > SCHEMA_VERSION) throw new SchemaUnreadable(published);
}

function countsOf(counts: Readonly<Record<string, number>>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, BigInt(count)]));
}
