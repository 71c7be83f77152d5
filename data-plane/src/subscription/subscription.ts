import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  BUNDLE_BOUNDS,
  BundleRefused,
  configKeysFor,
  decodeHeartbeat,
  decodeKeyring,
  followsKeyset,
  notExpired,
  openKeyset,
  publicKeyFromRaw,
  SCHEMA_VERSION,
  type TrustedKeyset,
  type VerifiedBytes,
  type VerifiedManifest,
  verify,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { loadOrMakeNodeKey, openDataKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { ConfigService } from "@sluice/shared/stream";
import { Backoff, type Clock } from "@sluice/shared/time";
import { acceptManifest, acceptRecords } from "./acceptance.js";
import type { HeldState } from "./held-state.js";
import { loadOrMakeInstanceId } from "./instance-id.js";
import { StateFile, type StoredMark } from "./state-file.js";
import type { StateSink } from "./state-sink.js";
import { WideSession } from "./wide-session.js";

export interface SubscriptionOptions {
  readonly controlPlaneUrl: string;
  readonly ca: Buffer | undefined;
  /** Read again for each connection: tokens are renewed in place. */
  readonly token: () => Promise<string>;
  readonly trustRootKeys: readonly Uint8Array[];
  readonly region: string;
  readonly dataFolder: string;
  readonly nodeKeyPath: string;
  readonly build: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: StateSink;
}

export interface SubscriptionStatus {
  readonly connected: boolean;
  readonly epoch: bigint | undefined;
  readonly generation: bigint | undefined;
  readonly keysetVersion: bigint | undefined;
  /** Ms since the last heartbeat that was signed. */
  readonly freshnessAgeMs: number | undefined;
  readonly quarantined: readonly string[];
}

const SILENCE_MS = 30_000;
const REPORT_TIMEOUT_MS = 10_000;

/**
 * Follows the control plane, and never needs it: what was accepted is on disk as it came, and is verified again
 * when it is read.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #scope: string;
  readonly #file: StateFile;
  readonly #stopping = new AbortController();
  #nodeKey: KeyObject | undefined;
  #instance = "";
  #keyset: TrustedKeyset | undefined;
  #keyringEnvelope: Uint8Array | undefined;
  #dataKeys: ReadonlyMap<string, Uint8Array> = new Map();
  #held: HeldState | undefined;
  #mark: StoredMark | undefined;
  /** What is served of each record: its last content that could be used. */
  #served = new Map<string, VerifiedBytes>();
  #quarantined: readonly string[] = [];
  #connected = false;
  #freshAtMs: number | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#scope = `region:${options.region}`;
    this.#file = new StateFile(join(options.dataFolder, "configuration"));
  }

  /** Serves from disk what is there, then follows the control plane in the background. */
  async start(): Promise<void> {
    this.#nodeKey = await loadOrMakeNodeKey(this.#options.nodeKeyPath);
    this.#instance = await loadOrMakeInstanceId(this.#options.dataFolder);
    await this.#load();
    this.#running = this.#follow();
    background(this.#options.logger, "subscription", this.#running);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
  }

  status(): SubscriptionStatus {
    return {
      connected: this.#connected,
      epoch: this.#held?.epoch,
      generation: this.#held?.generation,
      keysetVersion: this.#keyset?.version,
      freshnessAgeMs:
        this.#freshAtMs === undefined ? undefined : this.#options.clock.monotonic() - this.#freshAtMs,
      quarantined: this.#quarantined,
    };
  }

  async #load(): Promise<void> {
    const { logger } = this.#options;
    this.#mark = await this.#file.readMark();
    try {
      const stored = await this.#file.read();
      if (stored === undefined) return;
      // Against the keyset it was accepted under; its expiry stops new bundles, never serving.
      this.#keyset = openKeyset(stored.keyset, this.#rootKeys());
      await this.#takeKeyring(stored.keyring);
      const manifest = acceptManifest(stored.snapshot, {
        keyset: this.#keyset,
        scope: this.#scope,
        held: undefined,
        mark: this.#mark,
      });
      if (manifest === undefined) return;
      const state = acceptRecords(manifest, stored.chunks, undefined);
      this.#serve(state);
      logger.info("configuration loaded from disk", {
        generation: String(state.generation),
        records: state.records.size,
      });
    } catch (error) {
      // The mark stays: nothing older than what was accepted once is taken in its place.
      logger.error("the configuration on disk cannot be used", { error });
    }
  }

  async #follow(): Promise<void> {
    const { logger, clock } = this.#options;
    const backoff = new Backoff({ firstMs: 100, longestMs: 30_000 });
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#watch(() => backoff.reset());
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        logger.warn("the control plane cannot be followed", { reason: messageOf(error) });
      }
      this.#connected = false;
      await new Promise<void>((resolve) => {
        const timer = clock.schedule(backoff.nextDelayMs(), done);
        const { signal } = this.#stopping;
        function done(): void {
          timer.cancel();
          signal.removeEventListener("abort", done);
          resolve();
        }
        signal.addEventListener("abort", done);
      });
    }
  }

  async #watch(progress: () => void): Promise<void> {
    const { controlPlaneUrl, ca, token, build, clock, logger } = this.#options;
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, this.#stopping.signal]);
    const session = new WideSession(controlPlaneUrl, ca);
    const bearer = (await token()).trim();
    const client = createClient(
      ConfigService,
      createConnectTransport({
        baseUrl: controlPlaneUrl,
        httpVersion: "2",
        sessionManager: session,
        readMaxBytes: BUNDLE_BOUNDS.largestChunkBytes * 2,
      }),
    );
    const headers = { authorization: `Bearer ${bearer}` };
    let silence = clock.schedule(SILENCE_MS, () => ending.abort(new Error("the control plane is silent")));
    let pending: { manifest: VerifiedManifest; envelope: Uint8Array; chunks: Uint8Array[] } | undefined;
    const report = async (outcome: Parameters<typeof client.report>[0]["outcome"]): Promise<void> => {
      if (outcome === undefined) return;
      await client
        .report({ instance: this.#instance, outcome }, { headers, signal, timeoutMs: REPORT_TIMEOUT_MS })
        .catch((error: unknown) => logger.warn("could not report", { reason: messageOf(error) }));
    };
    const refused = async (error: unknown): Promise<void> => {
      const refusal = error instanceof BundleRefused ? error.refusal : "NOT_APPLIED";
      logger.error("configuration refused", { refusal, error });
      pending = undefined;
      await report({
        case: "nack",
        value: { code: refusal, detail: messageOf(error), ...this.#heldMessage() },
      });
    };
    const finish = async (): Promise<void> => {
      if (pending === undefined || pending.chunks.length < pending.manifest.chunks.length) return;
      const { manifest, envelope, chunks } = pending;
      pending = undefined;
      await this.#accept(manifest, envelope, chunks);
      await report({ case: "ack", value: { ...this.#heldMessage(), quarantined: [...this.#quarantined] } });
    };
    try {
      const events = client.watch(
        {
          instance: this.#instance,
          publicKey: rawNodePublicKey(this.#ownKey()),
          build,
          maxSchemaVersion: SCHEMA_VERSION,
          keysetVersion: this.#keyset?.version ?? 0n,
          dataKeyIds: [...this.#dataKeys.keys()],
          ...this.#heldMessage(),
        },
        { headers, signal },
      );
      for await (const { event } of events) {
        silence.cancel();
        silence = clock.schedule(SILENCE_MS, () => ending.abort(new Error("the control plane is silent")));
        try {
          switch (event.case) {
            case "hello":
              this.#connected = true;
              progress();
              logger.info("following the control plane", {
                controlPlane: event.value.controlPlane,
                scope: event.value.scope,
              });
              break;
            case "keyset":
              this.#takeKeyset(event.value);
              break;
            case "keyring":
              notExpired(this.#trusted(), clock.now());
              await this.#takeKeyring(event.value);
              break;
            case "snapshot": {
              pending = undefined;
              const keyset = notExpired(this.#trusted(), clock.now());
              const manifest = acceptManifest(event.value, {
                keyset,
                scope: this.#scope,
                held: this.#held,
                mark: this.#mark,
              });
              if (manifest !== undefined) pending = { manifest, envelope: event.value, chunks: [] };
              await finish();
              break;
            }
            case "chunk":
              // Of a snapshot that was refused: passed over.
              pending?.chunks.push(event.value);
              await finish();
              break;
            case "heartbeat":
              this.#takeHeartbeat(event.value);
              break;
            case "drain":
              return;
          }
        } catch (error) {
          await refused(error);
        }
      }
    } finally {
      silence.cancel();
      // Leaving the loop does not end the call.
      ending.abort();
      session.abort();
    }
  }

  #takeKeyset(envelope: Uint8Array): void {
    const next = notExpired(openKeyset(envelope, this.#rootKeys()), this.#options.clock.now());
    if (followsKeyset(this.#keyset, next) === "newer") this.#keyset = next;
  }

  async #takeKeyring(envelope: Uint8Array): Promise<void> {
    const keyring = decodeKeyring(verify(envelope, configKeysFor(this.#trusted(), this.#scope), "keyring"));
    if (keyring.scope !== this.#scope || keyring.instance !== this.#instance) {
      throw new BundleRefused("KEYRING", "the keyring is for somebody else");
    }
    const opened = new Map<string, Uint8Array>();
    for (const sealed of keyring.dataKeys) {
      const place = { scope: keyring.scope, group: keyring.group, instance: keyring.instance };
      const { id, key } = await openDataKey(sealed, place, this.#ownKey());
      opened.set(id, key);
    }
    // A keyring never takes away a key that opens the state in force.
    for (const [id, key] of this.#dataKeys) if (!opened.has(id)) opened.set(id, key);
    this.#dataKeys = opened;
    this.#keyringEnvelope = envelope;
  }

  #takeHeartbeat(envelope: Uint8Array): void {
    const heartbeat = decodeHeartbeat(
      verify(envelope, configKeysFor(this.#trusted(), this.#scope), "heartbeat"),
    );
    if (heartbeat.scope !== this.#scope)
      throw new BundleRefused("WRONG_SCOPE", "the heartbeat is for another scope");
    this.#freshAtMs = this.#options.clock.monotonic();
  }

  async #accept(
    manifest: VerifiedManifest,
    envelope: Uint8Array,
    chunks: readonly Uint8Array[],
  ): Promise<void> {
    const state = acceptRecords(manifest, chunks, this.#held);
    const keyset = this.#trusted();
    if (this.#keyringEnvelope === undefined) throw new BundleRefused("KEYRING", "there is no keyring yet");
    const mark = {
      epoch: state.epoch,
      generation: state.generation,
      stateRoot: Buffer.from(state.tree.root).toString("hex"),
    };
    try {
      await this.#file.write(
        { keyset: keyset.envelope, keyring: this.#keyringEnvelope, snapshot: envelope, chunks },
        mark,
      );
    } catch (error) {
      throw new BundleRefused("NOT_DURABLE", "it could not be written to disk", messageOf(error), error);
    }
    this.#mark = mark;
    this.#serve(state);
    this.#options.logger.info("configuration accepted", {
      generation: String(state.generation),
      records: state.records.size,
    });
  }

  /** A record that cannot be used keeps its last good content, and harms no other. */
  #serve(state: HeldState): void {
    const { sink, logger } = this.#options;
    const upsert = new Map<string, VerifiedBytes>();
    const quarantined: string[] = [];
    const served = new Map<string, VerifiedBytes>();
    for (const [id, body] of state.records) {
      const before = this.#served.get(id);
      if (before !== undefined && Buffer.compare(before, body) === 0) {
        served.set(id, before);
        continue;
      }
      try {
        sink.examine(id, body, this.#dataKeys);
        served.set(id, body);
        upsert.set(id, body);
      } catch (error) {
        quarantined.push(id);
        if (before !== undefined) served.set(id, before);
        logger.error("a record cannot be used; its last good content stays", {
          record: id,
          reason: messageOf(error),
        });
      }
    }
    const remove = [...this.#served.keys()].filter((id) => !state.records.has(id));
    this.#held = state;
    this.#served = served;
    this.#quarantined = quarantined;
    sink.apply({
      scope: this.#scope,
      epoch: state.epoch,
      generation: state.generation,
      dataKeys: this.#dataKeys,
      upsert,
      remove,
    });
  }

  #heldMessage(): { held?: { epoch: bigint; generation: bigint; stateRoot: Uint8Array } } {
    const held = this.#held;
    return held === undefined
      ? {}
      : { held: { epoch: held.epoch, generation: held.generation, stateRoot: held.tree.root } };
  }

  #trusted(): TrustedKeyset {
    if (this.#keyset === undefined) throw new BundleRefused("NO_KEYSET", "there is no keyset yet");
    return this.#keyset;
  }

  #rootKeys(): { keys: ReturnType<typeof publicKeyFromRaw>[]; threshold: number } {
    return { keys: this.#options.trustRootKeys.map(publicKeyFromRaw), threshold: 1 };
  }

  #ownKey(): KeyObject {
    if (this.#nodeKey === undefined) throw new Error("the subscription has not been started");
    return this.#nodeKey;
  }
}
