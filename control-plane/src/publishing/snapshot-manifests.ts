import { encodeSnapshotManifest, SCHEMA_VERSION, signEnvelope } from "@sluice/shared/bundle";
import type { PublishedState, PublishingMoment, SnapshotBase } from "./publication-store.js";
import { keyIdsFor, type Signing } from "./signing.js";

/**
 * The manifest of a state for a data plane that holds `replaced` (undefined: nothing); signed, and stored, when nobody
 * has with a key that is still good.
 * @param massRemoval whether an operator has allowed it.
 */
export async function ensureManifest(
  moment: PublishingMoment,
  signing: Signing,
  { state, chunks }: SnapshotBase,
  replaced: PublishedState | undefined,
  massRemoval: boolean,
  nowMs: number,
): Promise<Uint8Array> {
  const key = { state, replaced };
  const stored = await moment.manifest(key, keyIdsFor(state.scope, signing), massRemoval);
  if (stored !== undefined) return stored;
  const allowsMassRemoval =
    massRemoval || (replaced !== undefined && (await removedOnPurpose(moment, state, replaced)));
  const envelope = await signEnvelope(
    signing.signer,
    "snapshot",
    encodeSnapshotManifest({
      scope: state.scope,
      epoch: state.epoch,
      state: { generation: state.generation, root: state.stateRoot },
      issuedAtMs: BigInt(nowMs),
      schemaVersion: SCHEMA_VERSION,
      recordCount: BigInt(state.recordCount),
      allowMassRemoval: allowsMassRemoval,
      chunks: [...chunks],
      ...(replaced === undefined
        ? {}
        : { replaces: { generation: replaced.generation, root: replaced.stateRoot } }),
    }),
  );
  await moment.saveManifest({ ...key, keyId: signing.signer.keyId, allowsMassRemoval, envelope });
  return envelope;
}

/** Whether every record that was there and is missing now was removed by a DELETE, or by a change of regions. */
async function removedOnPurpose(
  moment: PublishingMoment,
  state: PublishedState,
  replaced: PublishedState,
): Promise<boolean> {
  const { removed, created } = await moment.incarnations(replaced.generation, state.generation);
  const missing = replaced.recordCount + created - state.recordCount;
  return missing > 0 && missing <= removed;
}
