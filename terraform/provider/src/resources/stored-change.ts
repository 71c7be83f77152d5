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
 * Makes a thing that must not be there. One that is there exactly as wanted, secrets included, is taken: an earlier try
 * made it and its answer was lost.
 * @throws Refused when there is another one of the name
 */
export async function createOnce<T>(wanted: Wanted<T>, importAddress: string): Promise<Stored<T>> {
  const { things, path, content, deadline } = wanted;
  try {
    return await things.put(path, content, { absent: true }, deadline);
  } catch (error) {
    if (!isOtherVersion(error)) throw error;
    return takeSame(wanted, importAddress);
  }
}

/** @throws Refused unless the stored one is exactly what is wanted */
export async function takeSame<T>(wanted: Wanted<T>, importAddress: string): Promise<Stored<T>> {
  const { things, path, content, what, deadline } = wanted;
  const { outcome } = await things.dryRun(path, content);
  const there = await things.find(path, deadline);
  if (outcome === "unchanged" && there !== undefined) return there;
  throw new Refused([alreadyThere(what, importAddress)]);
}

export function alreadyThere(what: string, importAddress: string) {
  return problem(
    `There is a ${what} already`,
    `It was not made by this configuration, and is not as this configuration wants it. To manage it from here, run ` +
      `terraform import ${importAddress} and plan again; or take another name.`,
  );
}

/**
 * Changes a thing as long as it is still what was planned from: it is read, compared, and written under the condition
 * that it has not changed since. A change next to it, of another user of the tenant, is no obstacle.
 * @param differences the names of attributes that are not as they were planned from
 * @throws Refused when somebody else has changed it
 */
export async function putUnlessChanged<T>(
  { things, path, content, what, deadline }: Wanted<T>,
  differences: (record: T) => readonly string[],
): Promise<Stored<T>> {
  return whileOthersChange(async () => {
    const there = await things.find(path, deadline);
    if (there === undefined) {
      throw new Refused([
        problem(`The ${what} is gone`, "Somebody has deleted it since the plan was made. Plan again."),
      ]);
    }
    const changed = differences(there.record);
    if (changed.length > 0) throw new Refused([changedOutside(what, changed)]);
    return things.put(path, content, { etag: there.etag }, deadline);
  });
}

/** Repeats an attempt that read, decided, and then found that somebody had come in between. */
export async function whileOthersChange<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isOtherVersion(error) || tries === MOST_TRIES) throw error;
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

export function isOtherVersion(error: unknown): boolean {
  return error instanceof ApiRefused && error.status === 412;
}
