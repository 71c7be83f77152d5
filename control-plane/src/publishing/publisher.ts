import {
  encodeHeartbeat,
  encodeKeyring,
  encodeSnapshotManifest,
  makeChunks,
  SCHEMA_VERSION,
  type Signer,
  StateTree,
  signEnvelope,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { Bursts } from "./bursts.js";
import type { NewSnapshot, PublicationStore, PublishedState, ScopeMoment } from "./publication-store.js";
import type { Held, PublishedSnapshot, ScopePublications, Since } from "./published-state.js";

const HEARTBEAT_VALID_MS = 5 * 60_000;

/**
 * Signs each generation of a scope once, and stores it before anyone is served. All replicas then serve the stored
 * bytes.
 */
export class Publisher implements ScopePublications {
  readonly #store: PublicationStore;
  readonly #signer: Signer;
  readonly #keyset: TrustedKeyset;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #subscribers = new Map<string, Set<() => void>>();
  readonly #bursts: Bursts;
  readonly #told = new Map<string, bigint>();
  #listening: { stop(): Promise<void> } | undefined;

  constructor(store: PublicationStore, signer: Signer, keyset: TrustedKeyset, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#signer = signer;
    this.#keyset = keyset;
    this.#clock = clock;
    this.#logger = logger;
    this.#bursts = new Bursts(clock, () => background(logger, "publishing", this.#publishAll()));
  }

  async start(): Promise<void> {
    this.#listening = await this.#store.listen(() => this.#bursts.notice());
  }

  async stop(): Promise<void> {
    this.#bursts.cancel();
    await this.#listening?.stop();
  }

  ensureScope(scope: string): Promise<void> {
    return this.#store.ensureScope(scope);
  }

  async latest(scope: string): Promise<PublishedSnapshot | undefined> {
    return this.#store.withScope(scope, async (moment) => {
      const state = await this.#publish(scope, moment);
      return this.#snapshot(scope, moment, state, undefined);
    });
  }

  async since(scope: string, held: Held): Promise<Since> {
    return this.#store.withScope(scope, async (moment): Promise<Since> => {
      const state = await this.#publish(scope, moment);
      // A raised epoch: whatever is held is replaced.
      if (held.epoch < state.epoch)
        return { kind: "snapshot", snapshot: await this.#snapshot(scope, moment, state, undefined) };
      const known = await moment.state(held.epoch, held.generation);
      if (known === undefined || !known.stateRoot.equals(held.stateRoot)) return { kind: "ahead" };
      if (held.generation === state.generation) return { kind: "current" };
      return { kind: "snapshot", snapshot: await this.#snapshot(scope, moment, state, known) };
    });
  }

  subscribe(scope: string, onPublished: () => void): () => void {
    const subscribers = this.#subscribers.get(scope) ?? new Set();
    this.#subscribers.set(scope, subscribers);
    subscribers.add(onPublished);
    return () => {
      subscribers.delete(onPublished);
    };
  }

  dataKeys(scope: string): ReturnType<ScopePublications["dataKeys"]> {
    return this.#store.dataKeys(scope);
  }

  async signHeartbeat(scope: string): Promise<Uint8Array> {
    const state = await this.#store.withScope(scope, (moment) => this.#publish(scope, moment));
    const nowMs = this.#clock.now();
    return signEnvelope(
      this.#signer,
      "heartbeat",
      encodeHeartbeat({
        scope,
        epoch: state.epoch,
        state: { generation: state.generation, root: state.stateRoot },
        issuedAtMs: BigInt(nowMs),
        expiresAtMs: BigInt(nowMs + HEARTBEAT_VALID_MS),
      }),
    );
  }

  signKeyring(input: Parameters<ScopePublications["signKeyring"]>[0]): Promise<Uint8Array> {
    const { scope, group, instance, dataKeys } = input;
    return signEnvelope(
      this.#signer,
      "keyring",
      encodeKeyring({
        scope,
        group,
        instance,
        dataKeys: [...dataKeys],
        issuedAtMs: BigInt(this.#clock.now()),
      }),
    );
  }

  keysetEnvelope(): Uint8Array {
    return this.#keyset.envelope;
  }

  async #publishAll(): Promise<void> {
    for (const [scope, subscribers] of this.#subscribers) {
      if (subscribers.size === 0) continue;
      const { generation } = await this.#store.withScope(scope, (moment) => this.#publish(scope, moment));
      if (this.#told.get(scope) === generation) continue;
      this.#told.set(scope, generation);
      for (const tell of [...subscribers]) tell();
    }
  }

  /** The state of the scope's generation, made when nobody has. */
  async #publish(scope: string, moment: ScopeMoment): Promise<PublishedState> {
    const epoch = this.#keyset.minEpoch;
    const stored = await moment.state(epoch, moment.generation);
    if (stored !== undefined) return stored;
    const records = await moment.records();
    const tree = StateTree.of(records.map(({ id, body }) => [id, body] as const));
    const chunks = makeChunks(records);
    const snapshot: NewSnapshot = {
      epoch,
      generation: moment.generation,
      stateRoot: Buffer.from(tree.root),
      recordIds: records.map(({ id }) => id),
      chunkHashes: chunks.map(({ ref }) => Buffer.from(ref.sha256)),
      chunks: chunks.map(({ ref, bytes }) => ({ sha256: ref.sha256, bytes })),
    };
    await moment.saveState(snapshot);
    this.#logger.info("generation published", {
      scope,
      generation: String(moment.generation),
      records: records.length,
    });
    return snapshot;
  }

  async #snapshot(
    scope: string,
    moment: ScopeMoment,
    state: PublishedState,
    replaces: PublishedState | undefined,
  ): Promise<PublishedSnapshot> {
    let envelope: Uint8Array | undefined = await moment.envelope(
      state.epoch,
      state.generation,
      replaces?.generation,
    );
    if (envelope === undefined) {
      const records = await moment.records();
      const chunks = makeChunks(records);
      const explained = replaces !== undefined && (await moment.removalsExplained(replaces));
      envelope = await signEnvelope(
        this.#signer,
        "snapshot",
        encodeSnapshotManifest({
          scope,
          epoch: state.epoch,
          state: { generation: state.generation, root: state.stateRoot },
          issuedAtMs: BigInt(this.#clock.now()),
          schemaVersion: SCHEMA_VERSION,
          recordCount: BigInt(records.length),
          // All that is missing was asked for, one by one, through the API.
          allowMassRemoval: explained,
          chunks: chunks.map(({ ref }) => ref),
          ...(replaces === undefined
            ? {}
            : { replaces: { generation: replaces.generation, root: replaces.stateRoot } }),
        }),
      );
      await moment.saveEnvelope(state.epoch, state.generation, replaces?.generation, envelope);
    }
    const { chunkHashes } = state;
    const store = this.#store;
    return {
      scope,
      epoch: state.epoch,
      generation: state.generation,
      stateRoot: state.stateRoot,
      envelope,
      async *chunks() {
        for (const sha256 of chunkHashes) {
          const bytes = await store.chunk(sha256);
          // Pruned meanwhile: the subscriber asks again and gets a newer one.
          if (bytes === undefined) return;
          yield bytes;
        }
      },
    };
  }
}
