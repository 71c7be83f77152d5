import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { SCHEMA_VERSION } from "@sluice/shared/bundle";
import type { Logger } from "@sluice/shared/observability";
import { sealDataKey } from "@sluice/shared/secrets";
import type { WatchRequest, WatchResponseSchema } from "@sluice/shared/stream";
import type { Clock, Timer } from "@sluice/shared/time";
import type { InstanceRegistry } from "../fleet/index.js";
import type {
  Held,
  PublishedDelta,
  PublishedSnapshot,
  ScopePublications,
  Since,
} from "../publishing/index.js";
import type { Caller } from "./data-plane-token.js";
import type { OpenStream } from "./instances.js";
import type { StreamLimits } from "./limits.js";
import { RefusedOffers } from "./refused-offers.js";
import { Signal } from "./signal.js";
import type { Slot, SnapshotSlots } from "./snapshot-slots.js";

export interface WatchStreamOptions {
  readonly caller: Caller;
  readonly request: WatchRequest;
  readonly publications: ScopePublications;
  readonly slots: SnapshotSlots;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where it comes from. */
  readonly address: string;
  /** This control plane's name, for the data plane's log. */
  readonly name: string;
  readonly registry: InstanceRegistry;
  /** Aborts when the other side is gone. */
  readonly signal: AbortSignal;
  /** Ends the connection under a message that does not leave. */
  readonly drop: () => void;
  readonly onAhead: (held: Held, since: Since & { readonly kind: "ahead" }) => void;
}

type Event = MessageInitShape<typeof WatchResponseSchema>["event"] & {};
type Message = { readonly event: Event };

const LIFE_JITTER = 0.2;
/** For whoever is superseded to read why: it may be gone, and full. */
const LAST_WORD_MS = 5000;

/**
 * What one data plane is sent, from its hello to its drain: hello, keyset, the data keys that it lacks, a snapshot
 * whenever the history says that its state has been replaced, heartbeats.
 */
export class WatchStream implements OpenStream {
  readonly #options: WatchStreamOptions;
  readonly #news = new Signal();
  readonly #refused = new RefusedOffers();
  /** That the data plane has, as far as is known. */
  #keyIds: ReadonlySet<string>;
  #phase: "open" | "draining" | "superseded" | "over" = "open";
  #held: Held | undefined;
  /** Whether something may have been published since it was last looked. */
  #stale = true;
  #heartbeatDue = true;
  #heartbeat: Timer | undefined;
  #sentKeyset: Uint8Array | undefined;
  #slot: Slot | undefined;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
    const { held, dataKeyIds } = options.request;
    this.#held = held;
    this.#keyIds = new Set(dataKeyIds);
  }

  drain(): void {
    this.#move("draining");
  }

  get address(): string {
    return this.#options.address;
  }

  supersede(newerAddress: string): void {
    const { logger, address, clock, drop } = this.#options;
    logger.warn(
      "a newer stream of the same instance takes the place of this one; if that goes on, two data planes have the same data folder and node key",
      { address, newerAddress },
    );
    this.#move("superseded");
    clock.schedule(LAST_WORD_MS, drop);
  }

  stillHolds(held: Held | undefined, refused: Held | undefined): void {
    this.#held = held;
    // What was published since may lead on from there, though it was sent as following on what is refused.
    if (refused !== undefined && this.#refused.refused(refused, held)) this.#lookAgain();
  }

  async *messages(): AsyncGenerator<Message> {
    const { caller, publications, clock, limits, signal, name } = this.#options;
    const onGone = (): void => this.#move("over");
    signal.addEventListener("abort", onGone);
    let unsubscribe = (): void => undefined;
    let life: Timer | undefined;
    try {
      if (signal.aborted) return;
      // Headers leave with the first message only.
      const { scope, group } = caller;
      yield* this.#send({
        case: "hello",
        value: { controlPlane: name, scope, group, schemaVersion: SCHEMA_VERSION },
      });
      yield* this.#keyset();
      await publications.ensureScope(scope);
      // In front of the first look, so that nothing falls between the two.
      unsubscribe = publications.subscribe(scope, () => {
        this.#stale = true;
        this.#news.notify();
      });
      life = clock.schedule(this.#lifeMs(), () => this.#move("draining"));
      while (this.#phase === "open") {
        yield* this.#keyset();
        if (this.#stale) yield* this.#state();
        if (this.#heartbeatDue) {
          this.#heartbeatDue = false;
          yield* this.#send({ case: "heartbeat", value: await publications.signHeartbeat(scope) });
          this.#heartbeat = clock.schedule(limits.heartbeatIntervalMs, () => this.#beat());
        }
        await this.#news.wait();
      }
      if (this.#phase === "draining") yield* this.#send({ case: "drain", value: {} });
      if (this.#phase === "superseded") {
        throw new ConnectError("a newer stream has taken the place of this one", Code.AlreadyExists);
      }
    } finally {
      this.#phase = "over";
      signal.removeEventListener("abort", onGone);
      unsubscribe();
      life?.cancel();
      this.#heartbeat?.cancel();
      this.#slot?.release();
    }
  }

  #beat(): void {
    this.#heartbeatDue = true;
    this.#news.notify();
  }

  #move(phase: "draining" | "superseded" | "over"): void {
    if (this.#phase !== "over") this.#phase = phase;
    this.#news.notify();
  }

  /** Nobody is there whom more could be sent to. */
  get #isLeft(): boolean {
    return this.#phase === "superseded" || this.#phase === "over";
  }

  #lifeMs(): number {
    const { limits, caller, clock } = this.#options;
    const jittered = limits.streamLifeMs * (1 + LIFE_JITTER * (2 * Math.random() - 1));
    // A token that has expired opens no stream, and keeps none.
    return Math.max(0, Math.min(jittered, caller.expiresAtMs - clock.now()));
  }

  /** A message that does not leave in time ends the connection: what waits to be sent is bounded, and so is the wait. */
  async *#send(event: Event): AsyncGenerator<Message> {
    const { clock, limits, logger, drop } = this.#options;
    const late = clock.schedule(limits.slowReaderMs, () => {
      logger.warn("a data plane reads too slowly and is dropped", {
        message: event.case,
        afterMs: limits.slowReaderMs,
      });
      this.#move("over");
      drop();
    });
    try {
      yield { event };
    } finally {
      late.cancel();
    }
  }

  async *#keyset(): AsyncGenerator<Message> {
    const envelope = this.#options.publications.keysetEnvelope();
    if (this.#sentKeyset !== undefined && Buffer.compare(envelope, this.#sentKeyset) === 0) return;
    this.#sentKeyset = envelope;
    this.#refused.forget();
    yield* this.#send({ case: "keyset", value: envelope });
  }

  async *#keyring(): AsyncGenerator<Message> {
    const { caller, request, publications, registry } = this.#options;
    const dataKeys = await publications.dataKeys(caller.scope);
    // Also one that has more is sent them: what is not among them any more it can give up.
    if (dataKeys.length === this.#keyIds.size && dataKeys.every(({ id }) => this.#keyIds.has(id))) return;
    const place = { scope: caller.scope, group: caller.group, instance: request.instance };
    // Behind the reading of the keys: whoever was revoked before they were made is seen to be.
    if (!(await registry.mayHoldKeys(place, request.publicKey, caller.scope))) {
      throw new ConnectError("this instance is revoked", Code.PermissionDenied);
    }
    const sealed = await Promise.all(dataKeys.map((key) => sealDataKey(key, place, request.publicKey)));
    yield* this.#send({
      case: "keyring",
      value: await publications.signKeyring({ ...place, dataKeys: sealed }),
    });
    this.#keyIds = new Set(dataKeys.map(({ id }) => id));
  }

  async *#state(): AsyncGenerator<Message> {
    this.#stale = false;
    const { publications, caller, request, onAhead } = this.#options;
    const held = this.#held;
    const since = await publications.since(caller.scope, {
      held,
      mark: request.mark,
      proof: request.proof.length === 0 ? undefined : request.proof,
      name: `${caller.group}/${request.instance}`,
    });
    // Behind the choice: no key that it is sealed by can be missing, whatever changes meanwhile.
    yield* this.#keyring();
    if (since.kind !== "snapshot") this.#leaveSlot();
    switch (since.kind) {
      case "current":
      case "frozen":
        break;
      case "ahead": {
        const place = held ?? request.mark;
        if (place !== undefined) onAhead(place, since);
        break;
      }
      case "deltas":
        yield* this.#deltas(since.deltas);
        break;
      case "snapshot":
        yield* this.#snapshot(since.snapshot);
        break;
      default:
        since satisfies never;
    }
  }

  async *#deltas(deltas: readonly PublishedDelta[]): AsyncGenerator<Message> {
    const [first] = deltas;
    if (first !== undefined && this.#refused.includes(first)) return;
    for (const delta of deltas) {
      if (this.#isLeft) return;
      this.#sending(delta);
      yield* this.#send({ case: "delta", value: delta.envelope });
    }
    // There may be more than are sent at once.
    this.#lookAgain();
  }

  async *#snapshot(snapshot: PublishedSnapshot): AsyncGenerator<Message> {
    if (this.#refused.includes(snapshot)) {
      this.#leaveSlot();
      return;
    }
    this.#slot ??= this.#options.slots.ask(() => this.#news.notify());
    if (!this.#slot.granted) {
      // Looked at again when there is room, and then it may be a newer one.
      this.#stale = true;
      return;
    }
    try {
      this.#sending(snapshot);
      yield* this.#send({ case: "snapshot", value: snapshot.envelope });
      for await (const chunk of snapshot.chunks()) {
        if (this.#isLeft) return;
        yield* this.#send({ case: "chunk", value: chunk });
      }
    } finally {
      this.#leaveSlot();
    }
    this.#lookAgain();
  }

  /** It is taken for held until the data plane says something else. */
  #sending(offer: PublishedSnapshot | PublishedDelta): void {
    const { epoch, generation, stateRoot } = offer;
    this.#held = { epoch, generation, stateRoot };
    this.#refused.sending(offer);
  }

  #lookAgain(): void {
    this.#stale = true;
    this.#news.notify();
  }

  #leaveSlot(): void {
    this.#slot?.release();
    this.#slot = undefined;
  }
}
