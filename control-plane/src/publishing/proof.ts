import {
  BUNDLE_BOUNDS,
  BundleRefused,
  configKeysFor,
  decodeDelta,
  decodeHeartbeat,
  decodeSnapshotManifest,
  type State,
  type TrustedKeys,
  type TrustedKeyset,
  verify,
} from "@sluice/shared/bundle";
import type { Held } from "./published-state.js";

interface Named {
  readonly scope: string;
  readonly epoch: bigint;
  readonly state?: State | undefined;
}

/** Every signed payload that names a state of a scope. */
const READERS: readonly ((envelope: Uint8Array, keys: TrustedKeys) => Named)[] = [
  (envelope, keys) => decodeHeartbeat(verify(envelope, keys, "heartbeat")),
  (envelope, keys) => decodeSnapshotManifest(verify(envelope, keys, "snapshot")),
  (envelope, keys) => {
    const { scope, epoch, to } = decodeDelta(verify(envelope, keys, "delta"));
    return { scope, epoch, state: to };
  },
];

/**
 * Whether the envelope shows that somebody with a key of this fleet has signed exactly this state. A data plane that only
 * says so may be mistaken, or lie: whoever has its credential can say anything.
 */
export function provesState(
  envelope: Uint8Array | undefined,
  held: Held,
  scope: string,
  keyset: TrustedKeyset,
): boolean {
  if (envelope === undefined || envelope.length > BUNDLE_BOUNDS.proofBytes) return false;
  const keys = configKeysFor(keyset, scope);
  return READERS.some((read) => {
    try {
      const named = read(envelope, keys);
      return (
        named.scope === scope &&
        named.epoch === held.epoch &&
        named.state?.generation === held.generation &&
        Buffer.compare(named.state.root, held.stateRoot) === 0
      );
    } catch (error) {
      if (error instanceof BundleRefused) return false;
      throw error;
    }
  });
}
