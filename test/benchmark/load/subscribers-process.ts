import { createHash, randomUUID } from "node:crypto";
import { openStreamClient, type StreamClient } from "@sluice/data-plane/subscription/stream-client";
import {
  configKeysFor,
  decodeDelta,
  decodeKeyring,
  decodeSnapshotManifest,
  OLDEST_SCHEMA_VERSION,
  openKeyset,
  publicKeyFromRaw,
  SCHEMA_VERSION,
  scopeOfRegion,
  type TrustedKeys,
  type TrustedKeyset,
  verify,
} from "@sluice/shared/bundle";
import { makeNodeKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { Backoff } from "@sluice/shared/time";

/*
 * A process of light subscribers: the stream client of a data plane, with a connection, a key, reports and acks for each,
 * but no records, no disk and no clients. What all of them are sent in the same bytes is verified once.
 */

export interface SubscribersTask {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
  readonly region: string;
  /** Base64, as in TRUST_ROOT_KEYS. */
  readonly rootKey: string;
  readonly count: number;
  /** What they hold when they come; undefined: nothing. */
  readonly held: HeldTold | undefined;
}

export interface HeldTold {
  readonly epoch: string;
  readonly generation: string;
  /** Hex. */
  readonly root: string;
}

export type SubscribersTold =
  /** All of them hold it, and their acks were answered. */
  | { readonly kind: "held"; readonly held: HeldTold; readonly atMs: number }
  /** So many streams have had their hello. */
  | { readonly kind: "open"; readonly open: number }
  /** Bytes of chunks that have come since it was last told. */
  | { readonly kind: "bytes"; readonly bytes: number };

interface Position {
  readonly epoch: bigint;
  readonly generation: bigint;
  readonly stateRoot: Uint8Array;
}

interface Opened {
  readonly position: Position;
  /** Of a snapshot. */
  readonly chunks: number;
}

const STATUS_INTERVAL_MS = 15_000;
/** As a data plane does: three heartbeats that are missing end a connection. */
const SILENCE_MS = 30_000;
/** A fleet does not come in one moment. */
const SPREAD_MS = 5000;
const REPORT_TIMEOUT_MS = 30_000;
const MOST_OPENED = 100;

/** What every subscriber of this process shares. */
class Group {
  readonly task: SubscribersTask;
  readonly #rootKeys: TrustedKeys;
  readonly #opened = new Map<string, Opened>();
  readonly #held: (Position | undefined)[];
  #holding = 0;
  #keyset: TrustedKeyset | undefined;
  #told = 0n;
  #open = 0;

  constructor(task: SubscribersTask) {
    this.task = task;
    this.#held = new Array<Position | undefined>(task.count).fill(undefined);
    this.#rootKeys = { keys: [publicKeyFromRaw(Buffer.from(task.rootKey, "base64"))], threshold: 1 };
  }

  takeKeyset(envelope: Uint8Array): void {
    if (this.#keyset === undefined || Buffer.compare(this.#keyset.envelope, envelope) !== 0) {
      this.#keyset = openKeyset(envelope, this.#rootKeys);
    }
  }

  get #keys(): TrustedKeys {
    if (this.#keyset === undefined) throw new Error("no keyset came before");
    return configKeysFor(this.#keyset, scopeOfRegion(this.task.region));
  }

  keyIdsIn(keyring: Uint8Array): readonly string[] {
    return decodeKeyring(verify(keyring, this.#keys, "keyring")).dataKeys.map(({ keyId }) => keyId);
  }

  open(kind: "snapshot" | "delta", envelope: Uint8Array): Opened {
    const name = createHash("sha256").update(envelope).digest("base64");
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const keys = this.#keys;
    const opened = kind === "snapshot" ? openedSnapshot(envelope, keys) : openedDelta(envelope, keys);
    this.#opened.set(name, opened);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > MOST_OPENED && oldest !== undefined) this.#opened.delete(oldest);
    return opened;
  }

  holds(index: number, position: Position): void {
    const atMs = performance.timeOrigin + performance.now();
    if (this.#held[index] === undefined) this.#holding += 1;
    this.#held[index] = position;
    if (position.generation <= this.#told || this.#holding < this.task.count) return;
    let least = position;
    for (const held of this.#held) {
      if (held !== undefined && held.generation < least.generation) least = held;
    }
    if (least.generation <= this.#told) return;
    this.#told = least.generation;
    const { epoch, generation, stateRoot } = least;
    const root = Buffer.from(stateRoot).toString("hex");
    tell({ kind: "held", held: { epoch: String(epoch), generation: String(generation), root }, atMs });
  }

  opened(change: 1 | -1): void {
    this.#open += change;
    tell({ kind: "open", open: this.#open });
  }
}

function openedSnapshot(envelope: Uint8Array, keys: TrustedKeys): Opened {
  const { epoch, state, chunks } = decodeSnapshotManifest(verify(envelope, keys, "snapshot"));
  return { position: positionOf(epoch, state), chunks: chunks.length };
}

function openedDelta(envelope: Uint8Array, keys: TrustedKeys): Opened {
  const { epoch, to } = decodeDelta(verify(envelope, keys, "delta"));
  return { position: positionOf(epoch, to), chunks: 0 };
}

function positionOf(
  epoch: bigint,
  state: { readonly generation: bigint; readonly root: Uint8Array } | undefined,
): Position {
  if (state === undefined) throw new Error("it names no state");
  return { epoch, generation: state.generation, stateRoot: state.root };
}

/** One data plane, as far as the control plane can see. */
class Subscriber {
  readonly #group: Group;
  readonly #index: number;
  readonly #instance = randomUUID();
  readonly #publicKey = Uint8Array.from(rawNodePublicKey(makeNodeKey().key));
  #held: Position | undefined;
  #keyIds: readonly string[] = [];

  constructor(group: Group, index: number) {
    this.#group = group;
    this.#index = index;
    const { held } = group.task;
    if (held === undefined) return;
    const { epoch, generation, root } = held;
    this.#held = {
      epoch: BigInt(epoch),
      generation: BigInt(generation),
      stateRoot: Buffer.from(root, "hex"),
    };
  }

  async follow(): Promise<never> {
    const backoff = new Backoff({ firstMs: 100, longestMs: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD_MS));
    for (;;) {
      await this.#connect(() => backoff.reset()).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, backoff.nextDelayMs()));
    }
  }

  async #connect(onGood: () => void): Promise<void> {
    const { url, ca, token } = this.#group.task;
    const tls = { ca: Buffer.from(ca), clientCertificate: undefined };
    const client = openStreamClient(url, tls, token);
    let status: NodeJS.Timeout | undefined;
    let missing = 0;
    let bytes = 0;
    let coming: Position | undefined;
    let isOpen = false;
    const silent = new AbortController();
    let watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
    try {
      for await (const { event } of client.calls.watch(this.#request(), { signal: silent.signal })) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
        switch (event.case) {
          case "hello":
            isOpen = true;
            this.#group.opened(1);
            void this.#status(client);
            status = setInterval(() => void this.#status(client), STATUS_INTERVAL_MS);
            break;
          case "keyset":
            this.#group.takeKeyset(event.value);
            break;
          case "keyring":
            this.#keyIds = this.#group.keyIdsIn(event.value);
            break;
          case "delta":
            await this.#take(this.#group.open("delta", event.value).position, client);
            break;
          case "snapshot": {
            const { position, chunks } = this.#group.open("snapshot", event.value);
            coming = position;
            missing = chunks;
            break;
          }
          case "chunk":
            missing -= 1;
            bytes += event.value.length;
            if (missing !== 0 || coming === undefined) break;
            tell({ kind: "bytes", bytes });
            bytes = 0;
            await this.#take(coming, client);
            break;
          case "heartbeat":
            onGood();
            if (this.#held !== undefined) this.#group.holds(this.#index, this.#held);
            break;
          case "drain":
            return;
          default:
        }
      }
    } finally {
      clearInterval(status);
      clearTimeout(watchdog);
      if (isOpen) this.#group.opened(-1);
      client.close();
    }
  }

  async #take(position: Position, { calls }: StreamClient): Promise<void> {
    this.#held = position;
    const outcome = { case: "ack" as const, value: { held: position, quarantined: [], results: [] } };
    await calls.report({ instance: this.#instance, outcome }, { timeoutMs: REPORT_TIMEOUT_MS });
    this.#group.holds(this.#index, position);
  }

  async #status({ calls }: StreamClient): Promise<void> {
    const held = this.#held;
    const value = {
      ready: true,
      keysetVersion: 1n,
      freshnessAgeMs: 0n,
      ...(held === undefined ? {} : { held }),
    };
    const outcome = { case: "status" as const, value };
    await calls
      .report({ instance: this.#instance, outcome }, { timeoutMs: REPORT_TIMEOUT_MS })
      .catch(() => undefined);
  }

  #request() {
    return {
      instance: this.#instance,
      publicKey: this.#publicKey,
      build: "benchmark",
      maxSchemaVersion: SCHEMA_VERSION,
      minSchemaVersion: OLDEST_SCHEMA_VERSION,
      keysetVersion: 0n,
      dataKeyIds: [...this.#keyIds],
      ...(this.#held === undefined ? {} : { held: this.#held, mark: this.#held }),
    };
  }
}

function tell(message: SubscribersTold): void {
  process.send?.(message);
}

process.on("message", (task: SubscribersTask) => {
  const group = new Group(task);
  for (let index = 0; index < task.count; index += 1) void new Subscriber(group, index).follow();
});
process.once("disconnect", () => process.exit());
