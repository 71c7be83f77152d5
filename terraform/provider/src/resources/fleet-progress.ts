import type { Deadline } from "@sluice/shared/time";
import { ApiRefused, ApiUnreachable, type Sluice } from "../client/index.js";
import { attribute, problem, Refused } from "../framework/index.js";
import type { Values } from "../protocol/index.js";

export const WAIT_FOR_FLEET = attribute(
  "bool",
  "Whether an apply waits until every data plane that serves it has taken the change. The wait ends with `timeouts`. The " +
    "token needs `fleet:read`.",
  { default: false },
);

export const GENERATION = attribute(
  "number",
  "The fleet's number of the newest change of this thing, whoever made it. `sluice_fleet` can wait for it.",
  { computed: true },
);

export const ACKED = attribute(
  "bool",
  "Whether all data planes that serve it hold that generation, as of the last refresh. Null where the token lacks " +
    "`fleet:read`.",
  { computed: true },
);

/** The state, and whether the data planes of these regions (null: all) hold its generation. */
export async function withAcked(
  { fleet }: Sluice,
  state: Values,
  regions: readonly string[] | null,
): Promise<Values> {
  const { generation = null } = state;
  if (typeof generation !== "number") return { ...state, acked: null };
  try {
    return { ...state, acked: await fleet.holds(generation, regions) };
  } catch (error) {
    // The token may not look, or the fleet cannot be looked at now: nothing hangs on it.
    if (error instanceof ApiRefused || error instanceof ApiUnreachable) return { ...state, acked: null };
    throw error;
  }
}

/**
 * After a change: waits for the data planes where `wait_for_fleet` says so.
 * @param state what is there already: it is kept when the time is over
 * @throws Refused when a data plane refuses the change, or has not answered in time
 */
export async function settled(
  sluice: Sluice,
  what: string,
  state: Values,
  regions: readonly string[] | null,
  deadline: Deadline,
): Promise<Values> {
  const { wait_for_fleet: waits = null, generation = null } = state;
  if (waits === true && typeof generation === "number") {
    await awaitAcks(sluice, what, state, generation, deadline);
    return { ...state, acked: true };
  }
  return withAcked(sluice, state, regions);
}

/** After a deletion: waits until the data planes no longer have it, where `wait_for_fleet` says so. */
export async function settledRemoval(
  sluice: Sluice,
  what: string,
  prior: Values,
  generation: number | undefined,
  deadline: Deadline,
): Promise<void> {
  if (prior.wait_for_fleet !== true || generation === undefined) return;
  await awaitAcks(sluice, `removal of the ${what}`, prior, generation, deadline);
}

async function awaitAcks(
  { fleet }: Sluice,
  what: string,
  state: Values,
  generation: number,
  deadline: Deadline,
): Promise<void> {
  const refused = (summary: string, detail: string): Refused =>
    new Refused([problem(summary, `${detail} ${KEPT}`)], { ...state, acked: false });
  let waitingFor: readonly string[] = [];
  const look = async (): Promise<true | undefined> => {
    const { nacked_by: refusals, pending, pending_at: names } = await fleet.progress(generation, deadline);
    if (refusals.length > 0) {
      const named = refusals.map(({ group, instance, code }) => `${group}/${instance} (${code})`).join(", ");
      throw refused(`Data planes refuse the ${what}`, `They serve what they had: ${named}.`);
    }
    waitingFor = names.map(({ group, instance }) => `${group}/${instance}`);
    return pending === 0 ? true : undefined;
  };
  let done: true | undefined;
  try {
    done = await fleet.until(look, deadline);
  } catch (error) {
    if (error instanceof Refused || !(error instanceof Error)) throw error;
    throw refused(`Could not watch the data planes take the ${what}`, `${error.message}.`);
  }
  if (done === true) return;
  const within = fleet.isInterrupted ? "Until the interruption" : "Within the time of timeouts";
  throw refused(
    `Not all data planes have the ${what} yet`,
    `${within} these have not taken generation ${generation}: ${waitingFor.join(", ")}. They take it ` +
      "when they are back; one that is gone for good has to be forgotten (DELETE /api/fleet/instances).",
  );
}

const KEPT =
  "The change itself is made and in state. A thing that was to be made is marked as tainted by Terraform: run " +
  "terraform untaint with its address, or the next apply replaces it.";
