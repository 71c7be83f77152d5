import { isDeepStrictEqual } from "node:util";
import type { Difference, FieldChange } from "./audit-entry.js";

type Fields = Readonly<Record<string, unknown>>;

/** What changed between two objects, field by field. Undefined: there was none, or there is none now. */
export function differenceOf(before: Fields | undefined, after: Fields | undefined, prefix = ""): Difference {
  const changes: Record<string, FieldChange> = {};
  for (const name of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
    const from = before?.[name] ?? null;
    const to = after?.[name] ?? null;
    if (!isDeepStrictEqual(from, to)) changes[prefix + name] = { from, to };
  }
  return changes;
}
