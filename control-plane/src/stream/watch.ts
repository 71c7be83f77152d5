import type { MessageInitShape } from "@bufbuild/protobuf";
import { sealDataKey } from "@sluice/shared/secrets";
import type { WatchRequest, WatchResponseSchema } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { Held, PublishedSnapshot, ScopePublications } from "../publishing/index.js";
import type { Caller } from "./data-plane-token.js";
import { Signal } from "./signal.js";

export interface WatchSurroundings {
  readonly publications: ScopePublications;
  readonly clock: Clock;
  readonly name: string;
  /** Tells that a subscriber holds what the history does not know. */
  readonly onAhead: (identity: Caller, held: Held) => void;
}

type Event = MessageInitShape<typeof WatchResponseSchema>;

export const HEARTBEAT_INTERVAL_MS = 10_000;
const STREAM_LIFE_MS = 30 * 60_000;
const LIFE_JITTER = 0.2;

/** What one data plane is sent, from its hello to its drain. */
export async function* watch(
  request: WatchRequest,
  identity: Caller,
  around: WatchSurroundings,
  ended: AbortSignal,
): AsyncGenerator<Event> {
  const { publications, clock } = around;
  const { scope, group } = identity;
  // Headers leave with the first message only.
  yield { event: { case: "hello", value: { controlPlane: around.name, scope, group } } };
  yield { event: { case: "keyset", value: publications.keysetEnvelope() } };
  await publications.ensureScope(scope);
  yield { event: { case: "keyring", value: await keyringFor(request, identity, publications) } };

  const changed = new Signal();
  let heartbeatDue = true;
  let lifeOver = false;
  const unsubscribe = publications.subscribe(scope, () => changed.notify());
  const beat = (): { cancel(): void } =>
    clock.schedule(HEARTBEAT_INTERVAL_MS, () => {
      heartbeatDue = true;
      changed.notify();
      heartbeat = beat();
    });
  let heartbeat = beat();
  const life = clock.schedule(STREAM_LIFE_MS * (1 + LIFE_JITTER * (2 * Math.random() - 1)), () => {
    lifeOver = true;
    changed.notify();
  });
  const onEnd = (): void => changed.notify();
  ended.addEventListener("abort", onEnd);
  let held: Held | undefined = heldOf(request);
  try {
    while (!ended.aborted && !lifeOver) {
      const snapshot = await next(publications, scope, held);
      if (snapshot === "ahead") {
        if (held !== undefined) around.onAhead(identity, held);
      } else if (snapshot !== undefined) {
        yield { event: { case: "snapshot", value: snapshot.envelope } };
        for await (const chunk of snapshot.chunks()) {
          if (ended.aborted) return;
          yield { event: { case: "chunk", value: chunk } };
        }
        held = snapshot;
      }
      if (heartbeatDue) {
        heartbeatDue = false;
        yield { event: { case: "heartbeat", value: await publications.signHeartbeat(scope) } };
      }
      await changed.wait();
    }
    yield { event: { case: "drain", value: {} } };
  } finally {
    ended.removeEventListener("abort", onEnd);
    unsubscribe();
    heartbeat.cancel();
    life.cancel();
  }
}

async function next(
  publications: ScopePublications,
  scope: string,
  held: Held | undefined,
): Promise<PublishedSnapshot | "ahead" | undefined> {
  if (held === undefined) return publications.latest(scope);
  const since = await publications.since(scope, held);
  if (since.kind === "snapshot") return since.snapshot;
  return since.kind === "ahead" ? "ahead" : undefined;
}

async function keyringFor(
  request: WatchRequest,
  identity: Caller,
  publications: ScopePublications,
): Promise<Uint8Array> {
  const { scope, group } = identity;
  const place = { scope, group, instance: request.instance };
  const sealed = [];
  for (const dataKey of await publications.dataKeys(scope)) {
    sealed.push(await sealDataKey(dataKey, place, request.publicKey));
  }
  return publications.signKeyring({ ...place, dataKeys: sealed });
}

function heldOf(request: WatchRequest): Held | undefined {
  const { held } = request;
  return held === undefined
    ? undefined
    : { epoch: held.epoch, generation: held.generation, stateRoot: held.stateRoot };
}
