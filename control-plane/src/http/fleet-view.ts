import {
  type GenerationProgress,
  holdsGeneration,
  keyFingerprint,
  type ShownInstance,
  textOfStanding,
} from "../fleet/index.js";

/** Names are shown of at most so many instances of each outcome. */
const MOST_NAMED = 100;

export function instanceView(shown: ShownInstance): Record<string, unknown> {
  const { instance, newest, standing, online, behindSince } = shown;
  const { held, nack } = instance;
  return {
    group: instance.group,
    instance: instance.instance,
    region: instance.region,
    status: textOfStanding(standing),
    build: instance.build,
    connected_since: online ? (instance.connectedSince?.toISOString() ?? null) : null,
    last_seen: instance.lastSeenAt.toISOString(),
    first_seen: instance.firstSeenAt.toISOString(),
    ready: instance.ready,
    keyset_version: Number(instance.keysetVersion),
    acked:
      held === undefined
        ? null
        : {
            epoch: Number(held.epoch),
            generation: Number(held.generation),
            state_root: Buffer.from(held.stateRoot).toString("hex"),
          },
    newest_generation: Number(newest.generation),
    lag: {
      generations: lagOf(shown),
      behind_since: behindSince?.toISOString() ?? null,
    },
    freshness_age_ms: instance.freshnessAgeMs,
    reported_at: instance.reportedAt?.toISOString() ?? null,
    quarantined: instance.quarantined,
    nack:
      nack === null
        ? null
        : {
            code: nack.code,
            detail: nack.detail,
            at: nack.at.toISOString(),
            generation: nack.refused === undefined ? null : Number(nack.refused.generation),
          },
    key_fingerprint: keyFingerprint(instance.publicKey),
    waiting_key_fingerprint: instance.waitingKey === null ? null : keyFingerprint(instance.waitingKey),
    revoked_at: instance.revokedAt?.toISOString() ?? null,
  };
}

/** Of the fleet's numbers; null when what it holds is of another epoch, or nothing. */
function lagOf({ instance, newest }: ShownInstance): number | null {
  if (holdsGeneration(instance, newest)) return 0;
  const { held } = instance;
  return held === undefined || held.epoch !== newest.epoch
    ? null
    : Number(newest.generation - held.generation);
}

export function generationView(progress: GenerationProgress): Record<string, unknown> {
  const { generation, committedAt, scopes, instances } = progress;
  const of = (outcome: "acked" | "nacked" | "pending") =>
    instances.filter((instance) => instance.outcome === outcome);
  const [acked, nacked, pending] = [of("acked"), of("nacked"), of("pending")];
  const times = acked.flatMap(({ commitToAckMs }) => commitToAckMs ?? []).toSorted((a, b) => a - b);
  return {
    generation: Number(generation),
    committed_at: committedAt?.toISOString() ?? null,
    regions: scopes.map((scope) => scope.replace(/^region:/, "")).toSorted(),
    acked: acked.length,
    nacked: nacked.length,
    pending: pending.length,
    nacked_by: nacked.slice(0, MOST_NAMED).map(({ instance, nackCode }) => ({
      group: instance.group,
      instance: instance.instance,
      code: nackCode,
    })),
    pending_at: pending
      .slice(0, MOST_NAMED)
      .map(({ instance }) => ({ group: instance.group, instance: instance.instance })),
    commit_to_ack_ms: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
  };
}

/** Nearest rank. Null: nothing was measured. */
function quantile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return value === undefined ? null : Math.round(value);
}
