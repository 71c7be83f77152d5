import type { Instance } from "./instance.js";

export type Standing =
  | {
      readonly status:
        | "SYNCED"
        | "BEHIND"
        | "STALE"
        | "FORKED"
        | "AHEAD"
        | "INCOMPATIBLE"
        | "OFFLINE"
        | "REVOKED";
    }
  | { readonly status: "NACKED"; readonly code: string }
  | { readonly status: "QUARANTINE"; readonly count: number };

/** What an instance is held against. */
export interface Newest {
  readonly epoch: bigint;
  /** The last that touched the instance's scope. */
  readonly generation: bigint;
}

/** A control plane that holds a stream writes every 10 s that it does; one that was killed no longer does. */
export const SILENT_AFTER_MS = 35_000;
/** Heartbeats come every 10 s, reports every 15 s. */
const STALE_AFTER_MS = 60_000;
/** A data plane that is refused tries again at least every 30 s. */
const REFUSAL_HOLDS_MS = 90_000;

export function isOnline({ connectedSince, lastSeenAt }: Instance, nowMs: number): boolean {
  return connectedSince !== null && nowMs - lastSeenAt.getTime() < SILENT_AFTER_MS;
}

/** Whether it has everything of a generation that touches its scope. */
export function holdsGeneration({ held }: Pick<Instance, "held">, { epoch, generation }: Newest): boolean {
  return held !== undefined && held.epoch === epoch && held.generation >= generation;
}

/** What needs an operator first comes first. */
export function standingOf(instance: Instance, newest: Newest, nowMs: number): Standing {
  if (instance.revokedAt !== null) return { status: "REVOKED" };
  const sinceSeenMs = nowMs - instance.lastSeenAt.getTime();
  if (instance.trouble === "INCOMPATIBLE" && sinceSeenMs < REFUSAL_HOLDS_MS)
    return { status: "INCOMPATIBLE" };
  // One that refuses what it is sent asks again on another connection: between the two it is no other one.
  const refuses = instance.nack !== null && sinceSeenMs < REFUSAL_HOLDS_MS;
  if (!isOnline(instance, nowMs) && !refuses) return { status: "OFFLINE" };
  if (instance.nack?.code === "FORK" || instance.trouble === "FORKED") return { status: "FORKED" };
  if (instance.trouble === "AHEAD") return { status: "AHEAD" };
  if (instance.nack !== null) return { status: "NACKED", code: instance.nack.code };
  if (instance.quarantined.length > 0) return { status: "QUARANTINE", count: instance.quarantined.length };
  if (!holdsGeneration(instance, newest)) return { status: "BEHIND" };
  const { freshnessAgeMs, reportedAt } = instance;
  const reportAgeMs = reportedAt === null ? sinceSeenMs : nowMs - reportedAt.getTime();
  if (reportAgeMs + (freshnessAgeMs ?? 0) > STALE_AFTER_MS) return { status: "STALE" };
  return { status: "SYNCED" };
}

/** As the API shows it: `NACKED(ROOT_MISMATCH)`, `QUARANTINE(3)`. */
export function textOfStanding(standing: Standing): string {
  if (standing.status === "NACKED") return `NACKED(${standing.code})`;
  if (standing.status === "QUARANTINE") return `QUARANTINE(${standing.count})`;
  return standing.status;
}
