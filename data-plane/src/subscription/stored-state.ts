import { BundleMalformed, BundleRefused, type VerifiedBytes } from "@sluice/shared/bundle";
import { positionOf } from "./acceptance.js";
import type { StoredSection } from "./bundle-file.js";
import type { Position } from "./position.js";
import { openManifest } from "./stored-envelopes.js";
import { partsOf } from "./stored-parts.js";
import type { Trust } from "./trust.js";

/*
 * The state file: first a snapshot with those of its chunks that still hold something, then the deltas that still
 * matter, then notes of what to pass over. Behind them, sections with the last good record of what is in quarantine.
 * Everything is verified like what comes from the network, against the keyset beside it, and the root that the last
 * envelope names proves that what was left out was of no use.
 */

/** What a state file says, verified. Its root is not compared yet. */
export interface StoredBase {
  readonly position: Position;
  /** The one that names it. */
  readonly envelope: Uint8Array;
  readonly records: ReadonlyMap<string, VerifiedBytes>;
  /** The last good content of records that are in quarantine. */
  readonly origins: ReadonlyMap<string, VerifiedBytes>;
}

/** @throws BundleRefused */
export function readBase(sections: readonly StoredSection[], trust: Trust, scope: string): StoredBase {
  const records = new Map<string, VerifiedBytes>();
  const origins = new Map<string, VerifiedBytes>();
  let position: Position | undefined;
  let envelope: Uint8Array | undefined;
  for (const section of sections) {
    if (section.originOf.length > 0) {
      readOrigins(section, trust, scope, origins);
      continue;
    }
    if (section.snapshot !== undefined) {
      const manifest = openManifest(section.keyset, section.snapshot, trust, scope);
      position = positionOf(manifest);
      envelope = section.snapshot;
    }
    for (const part of partsOf(section, trust, scope)) {
      for (const id of part.remove) records.delete(id);
      for (const { id, body } of part.records) records.set(id, body);
      if (part.position === undefined) continue;
      position = part.position;
      envelope = part.section.deltas[0];
    }
    for (const id of section.passedOver) records.delete(id);
  }
  if (position === undefined || envelope === undefined) {
    throw new BundleMalformed("the stored state", "it has no snapshot");
  }
  return { position, envelope, records, origins };
}

/** Origins that do not verify are passed over: what is in quarantine is then not served. */
function readOrigins(
  section: StoredSection,
  trust: Trust,
  scope: string,
  origins: Map<string, VerifiedBytes>,
): void {
  const wanted = new Set(section.originOf);
  try {
    for (const { records } of partsOf(section, trust, scope)) {
      for (const { id, body } of records) if (wanted.has(id)) origins.set(id, body);
    }
  } catch (error) {
    if (!(error instanceof BundleRefused)) throw error;
  }
}
