import {
  BUNDLE_BOUNDS,
  BundleRefused,
  checkChunk,
  configKeysFor,
  decodeChunk,
  decodeSnapshotManifest,
  SCHEMA_VERSION,
  StateTree,
  type TrustedKeyset,
  type VerifiedBytes,
  type VerifiedManifest,
  verify,
} from "@sluice/shared/bundle";
import type { HeldState } from "./held-state.js";
import type { StoredMark } from "./state-file.js";

/** What is held, and who this is. */
export interface Standing {
  readonly keyset: TrustedKeyset;
  readonly scope: string;
  readonly held: HeldState | undefined;
  readonly mark: StoredMark | undefined;
}

/** A snapshot may take that many tenants away without more; above it also the share counts (rule 8). */
const MASS_REMOVAL_LEAST = 20;
const MASS_REMOVAL_SHARE = 0.2;

/**
 * Rules 1 to 6, on the manifest alone. Undefined: it is what is held already.
 * @throws BundleRefused
 */
export function acceptManifest(envelope: Uint8Array, standing: Standing): VerifiedManifest | undefined {
  const { keyset, scope, held, mark } = standing;
  const manifest = decodeSnapshotManifest(verify(envelope, configKeysFor(keyset, scope), "snapshot"));
  if (manifest.scope !== scope) {
    throw new BundleRefused("WRONG_SCOPE", "it is for another scope", manifest.scope.slice(0, 100));
  }
  if (manifest.schemaVersion > SCHEMA_VERSION) {
    throw new BundleRefused(
      "INCOMPATIBLE",
      "it is of a newer schema",
      `${manifest.schemaVersion}, this build reads ${SCHEMA_VERSION}`,
    );
  }
  if (manifest.epoch < keyset.minEpoch) throw new BundleRefused("OLDER", "its epoch is below the keyset's");
  const { state } = manifest;
  if (state === undefined || state.root.length !== 32)
    throw new BundleRefused("MALFORMED", "it names no state");
  if (manifest.chunks.length > BUNDLE_BOUNDS.chunks)
    throw new BundleRefused("TOO_LARGE", "it has too many chunks");
  if (mark !== undefined) {
    const order = compare(manifest.epoch, mark.epoch) || compare(state.generation, mark.generation);
    if (order < 0) {
      throw new BundleRefused(
        "OLDER",
        "it is older than what was accepted",
        `${manifest.epoch}/${state.generation}, held ${mark.epoch}/${mark.generation}`,
      );
    }
    if (order === 0) {
      if (Buffer.from(state.root).toString("hex") !== mark.stateRoot) {
        throw new BundleRefused("FORK", "another state has this generation", `${state.generation}`);
      }
      // The same again, unless the state itself was lost.
      if (held !== undefined) return undefined;
    }
  }
  if (held !== undefined && manifest.epoch === held.epoch) {
    const { replaces } = manifest;
    if (
      replaces === undefined ||
      replaces.generation !== held.generation ||
      Buffer.compare(replaces.root, held.tree.root) !== 0
    ) {
      throw new BundleRefused("OTHER_BASE", "it replaces a state that is not held");
    }
  }
  return manifest;
}

/**
 * Rules 7 and 8, on the records.
 * @throws BundleRefused
 */
export function acceptRecords(
  manifest: VerifiedManifest,
  chunks: readonly Uint8Array[],
  held: HeldState | undefined,
): HeldState {
  if (chunks.length !== manifest.chunks.length) throw new BundleRefused("CHUNK", "chunks are missing");
  const records = new Map<string, VerifiedBytes>();
  chunks.forEach((bytes, index) => {
    for (const { id, body } of decodeChunk(checkChunk(manifest, index, bytes))) {
      if (records.has(id)) throw new BundleRefused("MALFORMED", "a record comes twice", id.slice(0, 100));
      records.set(id, body);
    }
  });
  const tree = StateTree.of(records);
  const { state } = manifest;
  if (
    state === undefined ||
    Buffer.compare(tree.root, state.root) !== 0 ||
    BigInt(records.size) !== manifest.recordCount
  ) {
    throw new BundleRefused("ROOT_MISMATCH", "the records are not those of the state root");
  }
  if (held !== undefined && !manifest.allowMassRemoval) {
    const missing = held.tree.missingFrom(tree).length;
    if (missing >= MASS_REMOVAL_LEAST && missing > held.tree.size * MASS_REMOVAL_SHARE) {
      throw new BundleRefused("MASS_REMOVAL", "it drops too many tenants", `${missing} of ${held.tree.size}`);
    }
  }
  return { epoch: manifest.epoch, generation: state.generation, tree, records };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
