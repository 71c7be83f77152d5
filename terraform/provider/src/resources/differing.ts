import { isDecided, type Schema, typeOf } from "../framework/index.js";
import { sameValue, typeBelow, type Values } from "../protocol/index.js";

/** Names of what a configuration decides, and of `id`, in which two states of one thing differ. */
export function differing(schema: Schema, one: Values, other: Values): readonly string[] {
  const type = typeOf(schema);
  const decided = Object.entries(schema.attributes)
    .filter(([name, attribute]) => name === "id" || isDecided(attribute))
    .map(([name]) => name);
  return [...decided, ...Object.keys(schema.blocks ?? {})].filter(
    (name) => !sameValue(one[name] ?? null, other[name] ?? null, typeBelow(type, name)),
  );
}
