import {
  BundleRefused,
  configKeysFor,
  decodeDelta,
  decodeSnapshotManifest,
  type VerifiedDelta,
  type VerifiedManifest,
  verify,
} from "@sluice/shared/bundle";
import { positionsOf } from "./acceptance.js";
import type { JournalEntry } from "./journal.js";
import type { Trust } from "./trust.js";

/** @throws BundleRefused */
export function openManifest(
  keyset: Uint8Array,
  envelope: Uint8Array,
  trust: Trust,
  scope: string,
): VerifiedManifest {
  const manifest = decodeSnapshotManifest(
    verify(envelope, configKeysFor(trust.stored(keyset), scope), "snapshot"),
  );
  if (manifest.scope !== scope) throw otherScope(manifest.scope);
  return manifest;
}

/** @throws BundleRefused */
export function openDelta(
  { keyset, delta: envelope }: JournalEntry,
  trust: Trust,
  scope: string,
): VerifiedDelta {
  const delta = decodeDelta(verify(envelope, configKeysFor(trust.stored(keyset), scope), "delta"));
  if (delta.scope !== scope) throw otherScope(delta.scope);
  positionsOf(delta);
  return delta;
}

function otherScope(scope: string): BundleRefused {
  return new BundleRefused("WRONG_SCOPE", "the stored state is of another scope", scope.slice(0, 100));
}
