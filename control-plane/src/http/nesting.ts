/** Nothing in the API is deeper than `{tenant: {users: [{...}]}}`. */
const DEEPEST = 8;

/** Whether a value is nested deeper than any body may be. Without recursion: what is looked at is a stranger's. */
export function isNestedTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((item) =>
      typeof item === "object" && item !== null ? Object.values(item).filter(isContainer) : [],
    );
  }
  return false;
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
