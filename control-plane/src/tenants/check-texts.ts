import type { Problems } from "./problems.js";

/**
 * Every text in a body must be one that Postgres can store and a client can send back: no NUL, no half of a
 * surrogate pair, which UTF-8 cannot express.
 */
export function checkTexts(value: unknown, path: string, problems: Problems): void {
  if (typeof value === "string") {
    if (value.includes("\0")) problems.add(path, "must not hold a NUL character");
    if (!isWellFormed(value)) problems.add(path, "is not valid Unicode: it holds half of a surrogate pair");
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, item] of Object.entries(value)) {
    const at = path === "" ? name : `${path}.${name}`;
    checkTexts(item, at, problems);
    if (name === "__proto__") problems.add(at, "must not have this name");
    if (!Array.isArray(value) && (name.includes("\0") || !isWellFormed(name))) {
      problems.add(path === "" ? "tenant" : path, "has a name that is not valid text");
    }
  }
}

/** ES2024's String.prototype.isWellFormed, which the library of this TypeScript target does not list. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
