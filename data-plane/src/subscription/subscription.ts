import type { KeyObject } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { BundleRefused, publicKeyFromRaw, SCHEMA_VERSION, scopeOfRegion } from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { loadOrMakeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import type { ReportRequestSchema, WatchRequestSchema, WatchResponse } from "@sluice/shared/stream";
import { Backoff, type Clock } from "@sluice/shared/time";
import { Configuration, type Intake } from "./configuration.js";
import { loadOrMakeInstanceId } from "./instance-id.js";
import { describePosition, type Position } from "./position.js";
import type { StateSink } from "./state-sink.js";
import { describeStreamError, openStreamClient, type StreamClient } from "./stream-client.js";
import { Watchdog } from "./watchdog.js";

export interface SubscriptionOptions {
  /** `https://host:port` */
  readonly controlPlaneUrl: string;
  /** PEM; undefined: the system's roots. */
  readonly ca: Buffer | undefined;
  /** Read again for each connection: tokens are renewed in place. */
  readonly token: () => Promise<string>;
  /** Raw Ed25519 public keys; one signature of them makes a keyset good. */
  readonly trustRootKeys: readonly Uint8Array[];
  readonly region: string;
  readonly dataFolder: string;
  readonly nodeKeyPath: string;
  readonly build: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: StateSink;
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
  /** Ms since a signed heartbeat said that what is held is the newest; undefined: not since the start. */
  readonly freshnessAgeMs: number | undefined;
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
const RECONNECT = { firstMs: 100, longestMs: 30_000 };
/** After a drain there is another control plane to go to; a fleet should not arrive there at one moment. */
const DRAINED_SPREAD_MS = 1000;

/**
 * Refusals that a second try does not mend: the connection stays, and the next publication may be better. Every
 * other one may be a fault on the way, so the message is asked for again.
 */
const FINAL_REFUSALS: ReadonlySet<string> = new Set([
  "WRONG_SCOPE",
  "INCOMPATIBLE",
  "EPOCH",
  "OLDER",
  "FORK",
  "MASS_REMOVAL",
  "KEYSET_OLDER",
  "KEYSET_EXPIRED",
  "EXPIRED",
]);

/**
 * Follows the control plane, and never needs it: what was accepted is on disk as received, is verified again when
 * it is read, and is served for ever.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stopping = new AbortController();
  #own: Own | undefined;
  #running: Promise<void> | undefined;
  #connected = false;
  #lastError: string | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Applies what is on disk, then follows the control plane in the background. */
  async start(): Promise<void> {
    const { dataFolder, nodeKeyPath, region, trustRootKeys, sink, clock, logger } = this.#options;
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
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
      rootKeys: { keys: trustRootKeys.map(publicKeyFromRaw), threshold: 1 },
      sink,
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
  }

  status(): SubscriptionStatus {
    const configuration = this.#own?.configuration;
    return {
      connected: this.#connected,
      epoch: configuration?.held?.epoch,
      generation: configuration?.held?.generation,
      keysetVersion: configuration?.keysetVersion ?? 0n,
      freshnessAgeMs: configuration?.freshnessAgeMs,
      lastError: this.#lastError,
      quarantined: [...(configuration?.quarantined.keys() ?? [])],
    };
  }

  async #follow(): Promise<void> {
    const { logger } = this.#options;
    const backoff = new Backoff(RECONNECT);
    while (!this.#stopping.signal.aborted) {
      let delayMs: number;
      try {
        await this.#connect(() => backoff.reset());
        delayMs = Math.random() * DRAINED_SPREAD_MS;
        logger.info("the control plane has sent this data plane on", { retryInMs: Math.round(delayMs) });
      } catch (error) {
        if (this.#stopping.signal.aborted) break;
        delayMs = backoff.nextDelayMs();
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

  /** One connection, from its hello to its end. Returns when the control plane says so; throws for every other end. */
  async #connect(onGood: () => void): Promise<void> {
    const { controlPlaneUrl, ca, token, clock } = this.#options;
    const silenceMs = MISSED_HEARTBEATS * (this.#options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS);
    const ending = new AbortController();
    const end = (): void => ending.abort(this.#stopping.signal.reason);
    this.#stopping.signal.addEventListener("abort", end);
    const client = openStreamClient(controlPlaneUrl, ca, (await token()).trim());
    const watchdog = new Watchdog(clock, silenceMs, () => {
      ending.abort(new Error(`the control plane has been silent for ${silenceMs} ms`));
    });
    try {
      for await (const message of client.calls.watch(this.#request(), { signal: ending.signal })) {
        watchdog.hold();
        if ((await this.#receive(message, client, ending.signal, onGood)) === "drain") return;
        watchdog.feed();
      }
      throw new Error("the control plane has ended the stream");
    } catch (error) {
      // Connect tells an abort as "canceled"; the reason is ours.
      if (ending.signal.aborted && ending.signal.reason instanceof Error) throw ending.signal.reason;
      throw error;
    } finally {
      watchdog.hold();
      this.#stopping.signal.removeEventListener("abort", end);
      this.#connected = false;
      this.#ready.configuration.forgetIncoming();
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
  ): Promise<"drain" | "go on"> {
    const { configuration } = this.#ready;
    const { event } = message;
    try {
      switch (event.case) {
        case "hello":
          this.#connected = true;
          this.#options.logger.info("connected to the control plane", {
            controlPlane: event.value.controlPlane,
            scope: event.value.scope,
            group: event.value.group,
          });
          break;
        case "keyset":
          await configuration.takeKeyset(event.value);
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
          if (configuration.takeHeartbeat(event.value)) onGood();
          break;
        case "drain":
          return "drain";
        case undefined:
          // Something that a newer control plane sends.
          break;
        default:
          event satisfies never;
      }
    } catch (error) {
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
    const { position, quarantined } = intake;
    this.#options.logger.info("configuration taken", {
      held: describePosition(position),
      quarantined: quarantined.length,
    });
    await this.#report(
      { case: "ack", value: { held: heldOf(position), quarantined: [...quarantined] } },
      client,
      signal,
    );
  }

  /** Logs and reports. @throws when it is worth asking again, which takes another connection. */
  async #refuse(error: unknown, message: string, client: StreamClient, signal: AbortSignal): Promise<void> {
    const { configuration } = this.#ready;
    const code = error instanceof BundleRefused ? error.refusal : "NOT_APPLIED";
    this.#lastError = `${message} refused (${code}): ${messageOf(error)}`;
    this.#options.logger.error("configuration refused", {
      refusal: code,
      message,
      error,
      serving: describePosition(configuration.held),
    });
    const { held } = configuration;
    const refused = message === "snapshot" || message === "chunk" ? configuration.offered : undefined;
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
    if (!FINAL_REFUSALS.has(code)) throw error;
  }

  /** What is reported is in the next request, too: a report that is lost does no harm. */
  async #report(outcome: Outcome, client: StreamClient, signal: AbortSignal): Promise<void> {
    try {
      const { instance } = this.#ready;
      await client.calls.report({ instance, outcome }, { signal, timeoutMs: REPORT_TIMEOUT_MS });
    } catch (error) {
      if (!signal.aborted)
        this.#options.logger.warn("report not delivered", { reason: describeStreamError(error) });
    }
  }

  #request(): MessageInitShape<typeof WatchRequestSchema> {
    const { instance, nodeKey, configuration } = this.#ready;
    const { held } = configuration;
    return {
      instance,
      publicKey: Uint8Array.from(rawNodePublicKey(nodeKey)),
      build: this.#options.build,
      maxSchemaVersion: SCHEMA_VERSION,
      keysetVersion: configuration.keysetVersion,
      dataKeyIds: configuration.dataKeyIds,
      ...(held === undefined ? {} : { held: heldOf(held) }),
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
