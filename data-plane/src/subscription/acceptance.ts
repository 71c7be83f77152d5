import {
  BUNDLE_BOUNDS,
  BundleMalformed,
  BundleRefused,
  BundleTooLarge,
  isMassRemoval,
  SCHEMA_VERSION,
  StateTree,
  type TrustedKeyset,
  type VerifiedBytes,
  type VerifiedDelta,
  type VerifiedManifest,
  type VerifiedRecord,
} from "@sluice/shared/bundle";
import { compareMoments, describePosition, type Position, sameBytes, samePosition } from "./position.js";

/** Over all chunks of a snapshot: what a data plane is ready to keep in memory while it takes one. */
const MOST_SNAPSHOT_BYTES = 1024 ** 3;

/** What an envelope is held against. */
export interface Standing {
  readonly scope: string;
  readonly keyset: TrustedKeyset;
  /** How far this data plane has ever come. */
  readonly mark: Position | undefined;
  /** What is in force; undefined: empty. */
  readonly held: Position | undefined;
}

export function positionOf(manifest: VerifiedManifest): Position {
  const { epoch, state } = manifest;
  if (state === undefined || state.root.length !== 32) {
    throw new BundleMalformed("the snapshot's manifest", "it names no state");
  }
  return { epoch, generation: state.generation, root: state.root };
}

/** @throws BundleMalformed */
export function positionsOf({ epoch, from, to }: VerifiedDelta): { from: Position; to: Position } {
  if (from?.root.length !== 32 || to?.root.length !== 32) {
    throw new BundleMalformed("the delta", "it does not name its states");
  }
  if (to.generation <= from.generation) {
    throw new BundleMalformed("the delta", `it leads from generation ${from.generation} to ${to.generation}`);
  }
  return {
    from: { epoch, generation: from.generation, root: from.root },
    to: { epoch, generation: to.generation, root: to.root },
  };
}

/**
 * Rules 4 to 6 of acceptance, and the bounds; size, signature and payload type were checked before.
 * @returns "held" when it is exactly the state in force.
 * @throws BundleRefused
 */
export function judgeManifest(manifest: VerifiedManifest, standing: Standing): "take" | "held" {
  const { held } = standing;
  judgeScope("snapshot", manifest, standing.scope);
  checkBounds(manifest);
  const offered = positionOf(manifest);
  judgeMoment(offered, standing);
  if (held === undefined) return "take";
  if (samePosition(offered, held)) return "held";
  if (offered.epoch > held.epoch) return "take";
  const { replaces } = manifest;
  if (replaces?.generation !== held.generation || !sameBytes(replaces.root, held.root)) {
    throw new BundleRefused(
      "OTHER_BASE",
      "the snapshot replaces another state",
      `it replaces ${replaces === undefined ? "nothing" : `generation ${replaces.generation}`}, held is ${describePosition(held)}`,
    );
  }
  return "take";
}

/**
 * The same of a delta.
 * @throws BundleRefused
 */
export function judgeDelta(delta: VerifiedDelta, standing: Standing): "take" | "held" {
  const { held } = standing;
  judgeScope("delta", delta, standing.scope);
  const { from, to } = positionsOf(delta);
  judgeMoment(to, standing);
  if (held !== undefined && samePosition(to, held)) return "held";
  if (held === undefined || !samePosition(from, held)) {
    throw new BundleRefused(
      "OTHER_BASE",
      "the delta follows on another state",
      `on ${describePosition(from)}, held is ${describePosition(held)}`,
    );
  }
  return "take";
}

function judgeScope(
  what: "snapshot" | "delta",
  offered: { readonly scope: string; readonly schemaVersion: number },
  scope: string,
): void {
  if (offered.scope !== scope) {
    throw new BundleRefused(
      "WRONG_SCOPE",
      `the ${what} is for another scope`,
      `${JSON.stringify(offered.scope.slice(0, 100))}, mine is ${scope}`,
    );
  }
  if (offered.schemaVersion > SCHEMA_VERSION) {
    throw new BundleRefused(
      "INCOMPATIBLE",
      `the ${what} has a newer schema`,
      `${offered.schemaVersion}, this build reads ${SCHEMA_VERSION}`,
    );
  }
}

/** Rule 5. An epoch is raised by the root keys; a config key alone cannot. */
function judgeMoment(offered: Position, { keyset, mark }: Standing): void {
  if (offered.epoch > keyset.minEpoch) {
    throw new BundleRefused(
      "EPOCH",
      "the epoch is not in force",
      `${offered.epoch}, in force is ${keyset.minEpoch}`,
    );
  }
  if (offered.epoch < keyset.minEpoch) {
    throw new BundleRefused("OLDER", "the epoch is over", `${offered.epoch}, in force is ${keyset.minEpoch}`);
  }
  judgeAgainstMark(offered, mark);
}

/** Rule 7 of a delta: the tree that it leads to, if it is the one that was signed. @throws BundleRefused */
export function judgeChange(delta: VerifiedDelta, held: StateTree): StateTree {
  const { to } = positionsOf(delta);
  for (const { id, body } of delta.upsert) {
    if (body.length > BUNDLE_BOUNDS.recordBytes) {
      throw new BundleTooLarge(`record ${id}`, body.length, BUNDLE_BOUNDS.recordBytes);
    }
  }
  const tree = held.with({
    upsert: delta.upsert.map(({ id, body }) => [id, body] as const),
    remove: delta.remove,
  });
  if (!sameBytes(tree.root, to.root)) {
    throw new BundleRefused("ROOT_MISMATCH", "the delta does not lead to the state root that it names");
  }
  if (tree.size > BUNDLE_BOUNDS.records) {
    throw new BundleTooLarge("the number of records", tree.size, BUNDLE_BOUNDS.records);
  }
  return tree;
}

/** Rules 7 and 8: the records are those of the signed root, and not too many are gone. @throws BundleRefused */
export function judgeRecords(
  manifest: VerifiedManifest,
  records: readonly VerifiedRecord[],
  held: StateTree,
): { readonly tree: StateTree; readonly bodies: ReadonlyMap<string, VerifiedBytes> } {
  const { root } = positionOf(manifest);
  if (BigInt(records.length) !== manifest.recordCount) {
    throw new BundleRefused(
      "ROOT_MISMATCH",
      "the snapshot has another number of records",
      `${records.length}, signed is ${manifest.recordCount}`,
    );
  }
  const tree = StateTree.of(records.map(({ id, body }) => [id, body] as const));
  if (!sameBytes(tree.root, root)) {
    throw new BundleRefused("ROOT_MISMATCH", "the records do not have the signed state root");
  }
  const removed = tree === held ? 0 : held.missingFrom(tree).length;
  if (isMassRemoval(removed, held.size) && !manifest.allowMassRemoval) {
    throw new BundleRefused(
      "MASS_REMOVAL",
      "the snapshot drops too many tenants",
      `${removed} of ${held.size}, and it is not marked as wanted`,
    );
  }
  return { tree, bodies: new Map(records.map(({ id, body }) => [id, body])) };
}

/**
 * Rule 5, also for what lies on disk: the mark is written after the state, so a state that is behind it was put back.
 * @throws BundleRefused
 */
export function judgeAgainstMark(offered: Position, mark: Position | undefined): void {
  if (mark === undefined) return;
  const order = compareMoments(offered, mark);
  if (order < 0) throw older(offered, mark);
  if (order === 0 && !sameBytes(offered.root, mark.root)) throw forked(offered, mark);
}

function checkBounds(manifest: VerifiedManifest): void {
  const { chunks, recordCount } = manifest;
  if (chunks.length > BUNDLE_BOUNDS.chunks) {
    throw new BundleTooLarge("the number of chunks", chunks.length, BUNDLE_BOUNDS.chunks);
  }
  if (recordCount > BUNDLE_BOUNDS.records) {
    throw new BundleTooLarge("the number of records", recordCount, BUNDLE_BOUNDS.records);
  }
  let total = 0;
  for (const { length } of chunks) {
    if (length > BUNDLE_BOUNDS.largestChunkBytes) {
      throw new BundleTooLarge("a chunk", length, BUNDLE_BOUNDS.largestChunkBytes);
    }
    total += length;
  }
  if (total > MOST_SNAPSHOT_BYTES) throw new BundleTooLarge("the snapshot", total, MOST_SNAPSHOT_BYTES);
}

function older(offered: Position, mark: Position): BundleRefused {
  return new BundleRefused(
    "OLDER",
    "the state is older than one held before",
    `${describePosition(offered)}, held was ${describePosition(mark)}`,
  );
}

export function forked(offered: Position, mark: Position): BundleRefused {
  return new BundleRefused(
    "FORK",
    "two states have the same generation",
    `${describePosition(offered)}, held was ${describePosition(mark)}`,
  );
}
