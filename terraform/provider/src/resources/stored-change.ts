import type { Deadline } from "@sluice/shared/time";
import { ApiRefused, type Stored, type Things } from "../client/index.js";
import { problem, Refused } from "../framework/index.js";

/** A change of one thing at its path. */
export interface Wanted<T> {
  readonly things: Things<T>;
  readonly path: string;
  readonly content: unknown;
  /** For people: `tenant "a"`. */
  readonly what: string;
  readonly deadline: Deadline;
}

/** Others who change the same tenant at this moment are waited for; more than this is a fault. */
const MOST_TRIES = 50;

/**
 * Makes a thing that must not be there. One that was there before is never taken, however much it is as wanted: with
 * create_before_destroy it is the very thing that Terraform deletes next. Only one that came after the first try is
 * ours, when the answer to that try was lost.
 * @throws Refused when there is one of the name
 */
export async function createOnce<T>(wanted: Wanted<T>, importAddress: string): Promise<Stored<T>> {
  const { things, path, content, what, deadline } = wanted;
  const refused = (): Refused => new Refused([alreadyThere(what, importAddress)]);
  if ((await things.find(path, deadline)) !== undefined) throw refused();
  try {
    return await things.put(path, content, { absent: true }, deadline);
  } catch (error) {
    if (!isOtherVersion(error)) throw error;
    const own = error.mayBeDone ? await asWanted(wanted) : undefined;
    if (own === undefined) throw refused();
    return own;
  }
}

/** The stored one, if it is exactly what is wanted, secrets included. */
export async function asWanted<T>(wanted: Wanted<T>): Promise<Stored<T> | undefined> {
  const { things, path, content, deadline } = wanted;
  const { outcome } = await things.dryRun(path, content);
  return outcome === "unchanged" ? things.find(path, deadline) : undefined;
}

export function alreadyThere(what: string, importAddress: string) {
  return problem(
    `There is a ${what} already`,
    `It was there before this change, and is left as it is. ${waysOut(importAddress)}`,
  );
}

/** What to do about a thing whose name is taken. */
export function waysOut(importAddress: string): string {
  return (
    `To manage it from here, run terraform import ${importAddress} and plan again; or take another name. If it is in ` +
    "state and is to be replaced: its name is its identity, so that the new one cannot stand beside the old one; take " +
    "create_before_destroy out of its lifecycle and of those that refer to it. If it is tainted, terraform untaint " +
    "keeps it."
  );
}

/**
 * Changes a thing as long as it is still what was planned from: it is read, compared, and written under the condition
 * that it has not changed since. A change next to it, of another user of the tenant, is no obstacle; nor is our own, whose
 * answer was lost.
 * @param differences the names of attributes that are not as they were planned from
 * @throws Refused when somebody else has changed it
 */
export async function putUnlessChanged<T>(
  wanted: Wanted<T>,
  differences: (record: T) => readonly string[],
): Promise<Stored<T>> {
  const { things, path, content, what, deadline } = wanted;
  return whileOthersChange(async (mayBeDone) => {
    const there = await things.find(path, deadline);
    if (there === undefined) {
      throw new Refused([
        problem(`The ${what} is gone`, "Somebody has deleted it since the plan was made. Plan again."),
      ]);
    }
    const changed = differences(there.record);
    if (changed.length > 0) {
      const own = mayBeDone ? await asWanted(wanted) : undefined;
      if (own === undefined) throw new Refused([changedOutside(what, changed)]);
      return own;
    }
    return things.put(path, content, { etag: there.etag }, deadline);
  });
}

/**
 * Repeats an attempt that read, decided, and then found that somebody had come in between.
 * @param attempt is told whether that may have been an earlier attempt of its own, whose answer was lost
 */
export async function whileOthersChange<T>(attempt: (mayBeDone: boolean) => Promise<T>): Promise<T> {
  let mayBeDone = false;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(mayBeDone);
    } catch (error) {
      if (!isOtherVersion(error) || tries === MOST_TRIES) throw error;
      mayBeDone ||= error.mayBeDone;
    }
  }
}

/**
 * Deletes the thing that is in state, and not another one that has its name by now.
 * @returns the generation of the deletion; undefined when there was nothing to delete
 */
export async function removeIfSame<T>(
  things: Things<T>,
  path: string,
  isSame: (record: T) => boolean,
  deadline: Deadline,
): Promise<number | undefined> {
  return whileOthersChange(async () => {
    const there = await things.find(path, deadline);
    if (there === undefined || !isSame(there.record)) return undefined;
    return things.remove(path, there.etag, deadline);
  });
}

export function changedOutside(what: string, names: readonly string[]) {
  return problem(
    `The ${what} was changed outside of Terraform`,
    `Since the plan was made, somebody has changed ${names.join(", ")}. Nothing was overwritten. Plan again to see it.`,
  );
}

function isOtherVersion(error: unknown): error is ApiRefused {
  return error instanceof ApiRefused && error.status === 412;
}
