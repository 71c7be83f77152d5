import { type FieldProblems, TenantInvalid } from "./tenant-failure.js";

/** Of the user at `place` the problems stand under the user's own fields. */
export function asOwnProblems<T>(place: number | undefined, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof TenantInvalid) || place === undefined) throw thrown;
    const prefix = `users.${place}.`;
    const own: FieldProblems = Object.fromEntries(
      Object.entries(thrown.problems).map(([field, texts]) => [
        field.startsWith(prefix) ? field.slice(prefix.length) : field,
        texts,
      ]),
    );
    throw new TenantInvalid(own);
  }
}
