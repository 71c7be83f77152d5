import { type Clock, Deadline } from "@sluice/shared/time";
import { attribute, type Block, duration, durationMs } from "../framework/index.js";
import { isValues, type Values } from "../protocol/index.js";

const DEFAULT_MS = 5 * 60_000;

export type Operation = "create" | "update" | "delete";

/** How long each operation may take, all its tries and waiting for the fleet included. */
export const TIMEOUTS: Block = {
  description:
    "How long an operation may take, with all its tries and with waiting for the fleet. Default `5m` each.",
  attributes: Object.fromEntries(
    (["create", "update", "delete"] as const).map((operation) => [
      operation,
      attribute("string", `For ${operation}, such as \`30s\` or \`10m\`.`, {
        optional: true,
        checks: [duration],
      }),
    ]),
  ),
};

export function deadlineOf(values: Values, operation: Operation, clock: Clock): Deadline {
  const { timeouts } = values;
  const text = isValues(timeouts) ? timeouts[operation] : null;
  return Deadline.after(clock, (typeof text === "string" ? durationMs(text) : undefined) ?? DEFAULT_MS);
}
