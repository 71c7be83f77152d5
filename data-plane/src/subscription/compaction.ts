import { type StoredSection, sectionOf } from "./bundle-file.js";
import { sameBytes } from "./position.js";
import { partsOf } from "./stored-parts.js";
import type { Trust } from "./trust.js";

/**
 * The same state in the fewest of its bytes. A chunk or a delta that holds nothing of the state any more goes; the
 * last envelope stays, since it names the root; records that stand in what is kept and were removed are noted.
 * @param sections of the state, in order, without origins.
 * @param holds whether the state has the record with this content.
 */
export function compact(
  sections: readonly StoredSection[],
  holds: (id: string, body: Uint8Array) => boolean,
  trust: Trust,
  scope: string,
): StoredSection[] {
  const last = sections.findLast(({ deltas }) => deltas.length > 0)?.deltas.at(-1);
  const kept: Growing[] = [];
  const present = new Map<string, boolean>();
  for (const section of sections) {
    // Also when none of its chunks is: the file begins with it.
    if (section.snapshot !== undefined) {
      kept.push(growing(sectionOf(section.keyset, { snapshot: section.snapshot })));
    }
    for (const part of partsOf(section, trust, scope)) {
      const [delta] = part.section.deltas;
      const live = part.records.map(({ id, body }) => [id, holds(id, body)] as const);
      if (!live.some(([, held]) => held) && (delta === undefined || delta !== last)) continue;
      for (const [id, held] of live) present.set(id, held);
      add(kept, part.section);
    }
  }
  const passedOver = [...present].filter(([, held]) => !held).map(([id]) => id);
  const end = kept.pop();
  return end === undefined ? [] : [...kept, { ...end, passedOver }];
}

/** The least sections that bring these records, each with the ids for which it stands there. */
export function findOrigins(
  sections: readonly StoredSection[],
  wanted: ReadonlySet<string>,
  holds: (id: string, body: Uint8Array) => boolean,
  trust: Trust,
  scope: string,
): StoredSection[] {
  const missing = new Set(wanted);
  const origins: StoredSection[] = [];
  for (const section of sections) {
    if (missing.size === 0) break;
    for (const part of partsOf(section, trust, scope)) {
      const originOf: string[] = [];
      for (const { id, body } of part.records) if (missing.has(id) && holds(id, body)) originOf.push(id);
      for (const id of originOf) missing.delete(id);
      if (originOf.length > 0) origins.push({ ...part.section, originOf });
    }
  }
  return origins;
}

type Growing = StoredSection & { readonly chunks: Uint8Array[]; readonly deltas: Uint8Array[] };

function growing(section: StoredSection): Growing {
  return { ...section, chunks: [...section.chunks], deltas: [...section.deltas] };
}

/** Behind what is there, in the same section where it was accepted under the same keyset. */
function add(kept: Growing[], part: StoredSection): void {
  const end = kept.at(-1);
  if (end === undefined || !sameBytes(end.keyset, part.keyset)) {
    kept.push(growing(part));
    return;
  }
  end.chunks.push(...part.chunks);
  end.deltas.push(...part.deltas);
}
