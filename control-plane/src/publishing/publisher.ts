import {
  encodeHeartbeat,
  encodeKeyring,
  type Signer,
  signEnvelope,
  type TrustedKeyset,
} from "@sluice/shared/bundle";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { DataKey } from "@sluice/shared/secrets";
import type { Clock } from "@sluice/shared/time";
import { Bursts } from "./bursts.js";
import { ChunkCache } from "./chunk-cache.js";
import { Coalesced } from "./coalesced.js";
import type { PublicationStore } from "./publication-store.js";
import type { Holder, KeyringInput, ScopePublications, Since } from "./published-state.js";
import { type Publication, ScopePublisher } from "./scope-publisher.js";
import { checkMaySign, type Signing } from "./signing.js";

/** How long a data plane that hears nothing newer goes on without saying that it may be stale. */
const HEARTBEAT_VALID_MS = 5 * 60_000;

export interface PublisherOptions {
  readonly store: PublicationStore;
  readonly signer: Signer;
  readonly keyset: TrustedKeyset;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Subscription {
  readonly onNews: () => void;
}

interface Heartbeat {
  readonly publication: Publication;
  readonly envelope: Promise<Uint8Array>;
}

/** The scopes that data planes of this process ask for: each is published when a generation has touched it. */
export class Publisher implements ScopePublications {
  readonly #options: PublisherOptions;
  readonly #chunks: ChunkCache;
  readonly #scopes = new Map<string, ScopePublisher>();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  /** Of what the subscribers of a scope have been told last. */
  readonly #told = new Map<string, string>();
  readonly #heartbeats = new Map<string, Heartbeat>();
  readonly #troubled = new Map<string, string>();
  readonly #dataKeys = new Map<string, Coalesced<readonly DataKey[]>>();
  readonly #bursts: Bursts;
  #signing: Signing;
  #listening: { stop(): Promise<void> } | undefined;

  constructor(options: PublisherOptions) {
    const { store, signer, keyset, clock } = options;
    this.#options = options;
    this.#signing = { signer, keyset };
    this.#chunks = new ChunkCache((scope, sha256) => store.chunk(scope, sha256));
    this.#bursts = new Bursts(clock, () => this.#publishAll());
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

  get epoch(): bigint {
    return this.#signing.keyset.minEpoch;
  }

  /** Another keyset, another key, or both: from the next signature on. */
  useSigning(signing: Signing): void {
    this.#signing = signing;
    this.#heartbeats.clear();
    for (const publisher of this.#scopes.values()) publisher.forget();
    for (const scope of this.#subscriptions.keys()) this.#tellAll(scope);
    this.#bursts.notice();
  }

  ensureScope(scope: string): Promise<void> {
    return this.#options.store.ensureScope(scope);
  }

  since(scope: string, holder: Holder): Promise<Since> {
    return this.#scope(scope).since(holder);
  }

  subscribe(scope: string, onNews: () => void): () => void {
    const subscriptions = this.#subscriptions.get(scope) ?? new Set();
    this.#subscriptions.set(scope, subscriptions);
    const subscription = { onNews };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#subscriptions.get(scope) === subscriptions) {
        this.#subscriptions.delete(scope);
      }
    };
  }

  /** All streams of a scope ask at the same moments, and share the answers. */
  dataKeys(scope: string): ReturnType<ScopePublications["dataKeys"]> {
    const known = this.#dataKeys.get(scope);
    const asking = known ?? new Coalesced(() => this.#options.store.dataKeys(scope));
    this.#dataKeys.set(scope, asking);
    return asking.run();
  }

  /** Streams of one scope share it: it says what the store said when it was last asked, once a second. */
  async signHeartbeat(scope: string): Promise<Uint8Array> {
    checkMaySign(scope, this.#signing);
    const publisher = this.#scope(scope);
    const publication = publisher.published ?? (await publisher.publish());
    const shared = this.#heartbeats.get(scope);
    if (shared?.publication === publication) return shared.envelope;
    const envelope = this.#sign(scope, publication);
    this.#heartbeats.set(scope, { publication, envelope });
    return envelope;
  }

  signKeyring({ scope, group, instance, dataKeys }: KeyringInput): Promise<Uint8Array> {
    const issuedAtMs = BigInt(this.#options.clock.now());
    const payload = encodeKeyring({ scope, group, instance, dataKeys: [...dataKeys], issuedAtMs });
    return signEnvelope(this.#signing.signer, "keyring", payload);
  }

  keysetEnvelope(): Uint8Array {
    return this.#signing.keyset.envelope;
  }

  /** While the database is away the moment stays the same, and data planes grow stale: nobody knows what is new. */
  #sign(scope: string, { state, atMs }: Publication): Promise<Uint8Array> {
    return signEnvelope(
      this.#signing.signer,
      "heartbeat",
      encodeHeartbeat({
        scope,
        epoch: this.#signing.keyset.minEpoch,
        ...(state === undefined ? {} : { state: { generation: state.generation, root: state.stateRoot } }),
        issuedAtMs: BigInt(atMs),
        expiresAtMs: BigInt(atMs + HEARTBEAT_VALID_MS),
      }),
    );
  }

  #scope(scope: string): ScopePublisher {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const { store, clock, logger } = this.#options;
    const made = new ScopePublisher(scope, {
      store,
      chunks: this.#chunks,
      signing: () => this.#signing,
      clock,
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
          (publication) => this.#tell(scope, publication),
          (error: unknown) => this.#complain(scope, error),
        );
    }
  }

  #tell(scope: string, { state, ahead }: Publication): void {
    this.#troubled.delete(scope);
    const news = `${state?.epoch}/${state?.generation}/${ahead === undefined ? "open" : "ahead"}`;
    if (this.#told.get(scope) === news) return;
    this.#told.set(scope, news);
    this.#tellAll(scope);
  }

  #tellAll(scope: string): void {
    for (const { onNews } of [...(this.#subscriptions.get(scope) ?? [])]) onNews();
  }

  /** Once, and not with every poll. */
  #complain(scope: string, error: unknown): void {
    const problem = messageOf(error);
    if (this.#troubled.get(scope) === problem) return;
    this.#troubled.set(scope, problem);
    this.#options.logger.error("a scope cannot be published", { scope, error });
  }
}
