import { BundleTooLarge, encodeDelta, SCHEMA_VERSION, signEnvelope } from "@sluice/shared/bundle";
import type { PublishedState, StoredDelta } from "./publication-store.js";
import type { Difference } from "./scope-tree.js";
import type { Signing } from "./signing.js";

/** Undefined: it does not fit into an envelope, and data planes will be sent a snapshot. */
export async function signDelta(
  { signer }: Signing,
  from: PublishedState,
  to: PublishedState,
  { written, removed }: Difference,
  nowMs: number,
): Promise<StoredDelta | undefined> {
  const payload = encodeDelta({
    scope: to.scope,
    epoch: to.epoch,
    from: { generation: from.generation, root: from.stateRoot },
    to: { generation: to.generation, root: to.stateRoot },
    issuedAtMs: BigInt(nowMs),
    schemaVersion: SCHEMA_VERSION,
    upsert: written.map(({ id, body }) => ({ id, body })),
    remove: [...removed],
  });
  try {
    return { from: from.generation, to, envelope: await signEnvelope(signer, "delta", payload) };
  } catch (error) {
    if (error instanceof BundleTooLarge) return undefined;
    throw error;
  }
}
