import { encodeSnapshotManifest, SCHEMA_VERSION, type Signer, signEnvelope } from "@sluice/shared/bundle";
import type { Clock } from "@sluice/shared/time";
import type { PublishedState, PublishingMoment } from "./publication-store.js";
import { SnapshotGone } from "./publishing-failure.js";

/** Signs manifests, each once: what was signed before is served again. */
export class SnapshotEnvelopes {
  readonly #signer: Signer;
  readonly #clock: Clock;

  constructor(signer: Signer, clock: Clock) {
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * The envelope of `state` for a data plane that holds `replaced` (undefined: nothing), signed and stored when
   * nobody has.
   * @throws SnapshotGone when the state's chunks are pruned.
   */
  async ensure(
    moment: PublishingMoment,
    state: PublishedState,
    replaced: PublishedState | undefined,
  ): Promise<Uint8Array> {
    const replaces = replaced?.generation ?? 0n;
    const stored = await moment.envelope(state, replaces);
    if (stored !== undefined) return stored;
    const lengths = await moment.chunkLengths(state);
    const chunks = state.chunkHashes.map((sha256) => {
      const length = lengths.get(Buffer.from(sha256).toString("hex"));
      if (length === undefined) throw new SnapshotGone(state.scope, state.generation);
      return { sha256, length };
    });
    const envelope = await signEnvelope(
      this.#signer,
      "snapshot",
      encodeSnapshotManifest({
        scope: state.scope,
        epoch: state.epoch,
        state: { generation: state.generation, root: state.stateRoot },
        issuedAtMs: BigInt(this.#clock.now()),
        schemaVersion: SCHEMA_VERSION,
        recordCount: BigInt(state.recordCount),
        allowMassRemoval: replaced !== undefined && (await removedOnPurpose(moment, state, replaced)),
        chunks,
        ...(replaced === undefined
          ? {}
          : { replaces: { generation: replaced.generation, root: replaced.stateRoot } }),
      }),
    );
    await moment.saveEnvelope(state, replaces, envelope);
    return envelope;
  }
}

/** Whether every record that was there and is missing now was removed by a DELETE. */
async function removedOnPurpose(
  moment: PublishingMoment,
  state: PublishedState,
  replaced: PublishedState,
): Promise<boolean> {
  const { removed, created } = await moment.incarnations(replaced.generation, state.generation);
  const missing = replaced.recordCount + created - state.recordCount;
  return missing > 0 && missing <= removed;
}
