import {
  encodeHeartbeat,
  encodeKeyring,
  type Signer,
  signEnvelope,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { Clock } from "@sluice/shared/time";
import { Bursts } from "./bursts.js";
import type { PublicationStore, PublishedState } from "./publication-store.js";
import type { Held, KeyringInput, PublishedSnapshot, ScopePublications, Since } from "./published-state.js";
import { ScopePublisher } from "./scope-publisher.js";
import { SnapshotEnvelopes } from "./snapshot-envelopes.js";

const HEARTBEAT_VALID_MS = 5 * 60_000;
/** Streams of one scope share a heartbeat for this time; each is sent one every 10 s. */
const HEARTBEAT_SHARED_MS = 2000;

export interface PublisherOptions {
  readonly store: PublicationStore;
  readonly signer: Signer;
  readonly keyset: TrustedKeyset;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Subscription {
  readonly onPublished: () => void;
}

interface Heartbeat {
  readonly state: PublishedState;
  /** On the monotonic clock. */
  readonly signedAtMs: number;
  readonly envelope: Promise<Uint8Array>;
}

/** The scopes that data planes of this process ask for: each is published when a generation has touched it. */
export class Publisher implements ScopePublications {
  readonly #options: PublisherOptions;
  readonly #envelopes: SnapshotEnvelopes;
  readonly #scopes = new Map<string, ScopePublisher>();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  /** The newest state of which the subscribers of a scope have been told. */
  readonly #told = new Map<string, PublishedState>();
  readonly #heartbeats = new Map<string, Heartbeat>();
  readonly #troubled = new Map<string, string>();
  readonly #bursts: Bursts;
  #listening: { stop(): Promise<void> } | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#envelopes = new SnapshotEnvelopes(options.signer, options.clock);
    this.#bursts = new Bursts(options.clock, () => this.#publishAll());
  }

  async start(): Promise<void> {
    this.#listening = await this.#options.store.listen(() => this.#bursts.notice());
  }

  /** What is being signed is finished first. */
  async stop(): Promise<void> {
    await this.#listening?.stop();
    this.#bursts.cancel();
    await Promise.all([...this.#scopes.values()].map((scope) => scope.idle()));
  }

  ensureScope(scope: string): Promise<void> {
    return this.#options.store.ensureScope(scope);
  }

  latest(scope: string): Promise<PublishedSnapshot> {
    return this.#scope(scope).latest();
  }

  since(scope: string, held: Held): Promise<Since> {
    return this.#scope(scope).since(held);
  }

  subscribe(scope: string, onPublished: () => void): () => void {
    const subscriptions = this.#subscriptions.get(scope) ?? new Set();
    this.#subscriptions.set(scope, subscriptions);
    const subscription = { onPublished };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#subscriptions.get(scope) === subscriptions) {
        this.#subscriptions.delete(scope);
      }
    };
  }

  dataKeys(scope: string): ReturnType<ScopePublications["dataKeys"]> {
    return this.#options.store.dataKeys(scope);
  }

  async signHeartbeat(scope: string): Promise<Uint8Array> {
    const { clock } = this.#options;
    const publisher = this.#scope(scope);
    const state = publisher.published ?? (await publisher.publish());
    const shared = this.#heartbeats.get(scope);
    if (
      shared !== undefined &&
      shared.state === state &&
      clock.monotonic() - shared.signedAtMs < HEARTBEAT_SHARED_MS
    ) {
      return shared.envelope;
    }
    const envelope = this.#sign(state, clock.now());
    this.#heartbeats.set(scope, { state, signedAtMs: clock.monotonic(), envelope });
    return envelope;
  }

  signKeyring({ scope, group, instance, dataKeys }: KeyringInput): Promise<Uint8Array> {
    const issuedAtMs = BigInt(this.#options.clock.now());
    const payload = encodeKeyring({ scope, group, instance, dataKeys: [...dataKeys], issuedAtMs });
    return signEnvelope(this.#options.signer, "keyring", payload);
  }

  keysetEnvelope(): Uint8Array {
    return this.#options.keyset.envelope;
  }

  #sign(state: PublishedState, nowMs: number): Promise<Uint8Array> {
    return signEnvelope(
      this.#options.signer,
      "heartbeat",
      encodeHeartbeat({
        scope: state.scope,
        epoch: state.epoch,
        state: { generation: state.generation, root: state.stateRoot },
        issuedAtMs: BigInt(nowMs),
        expiresAtMs: BigInt(nowMs + HEARTBEAT_VALID_MS),
      }),
    );
  }

  #scope(scope: string): ScopePublisher {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const { store, keyset, logger } = this.#options;
    const made = new ScopePublisher(scope, {
      store,
      envelopes: this.#envelopes,
      epoch: keyset.minEpoch,
      logger,
    });
    this.#scopes.set(scope, made);
    return made;
  }

  /** Scopes fail one by one; the poll tries again. */
  #publishAll(): void {
    for (const scope of this.#subscriptions.keys()) {
      this.#scope(scope)
        .publish()
        .then(
          (state) => this.#tell(state),
          (error: unknown) => this.#complain(scope, error),
        );
    }
  }

  #tell(state: PublishedState): void {
    this.#troubled.delete(state.scope);
    const told = this.#told.get(state.scope);
    if (told?.epoch === state.epoch && told.generation === state.generation) return;
    this.#told.set(state.scope, state);
    for (const { onPublished } of [...(this.#subscriptions.get(state.scope) ?? [])]) onPublished();
  }

  /** Once, and not with every poll. */
  #complain(scope: string, error: unknown): void {
    const problem = messageOf(error);
    if (this.#troubled.get(scope) === problem) return;
    this.#troubled.set(scope, problem);
    this.#options.logger.error("a scope cannot be published", { scope, error });
  }
}
