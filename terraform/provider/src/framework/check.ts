import { isList, isValues, type Value } from "../protocol/index.js";

/** What is wrong with a known value that is not null, as the end of a sentence; undefined: nothing. */
export type Check = (value: Value) => string | undefined;

export function between(least: number, most: number): Check {
  return (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;
}

export function oneOf(...choices: readonly string[]): Check {
  const listed = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  return (value) => (typeof value === "string" && choices.includes(value) ? undefined : `must be ${listed}`);
}

export function matches(pattern: RegExp, what: string): Check {
  return (value) => (typeof value === "string" && pattern.test(value) ? undefined : `must be ${what}`);
}

/** In UTF-8. The empty text is never a value: null is said by leaving the attribute out. */
export function bytes(most: number): Check {
  return (value) => {
    if (typeof value !== "string" || value === "") return "must not be empty; leave it out instead";
    const length = Buffer.byteLength(value);
    return length <= most ? undefined : `must have at most ${most} bytes in UTF-8, and has ${length}`;
  };
}

export function atMost(most: number, what: string): Check {
  return (value) => {
    const count = isList(value) ? value.length : isValues(value) ? Object.keys(value).length : 0;
    return count <= most ? undefined : `must have at most ${most} ${what}, and has ${count}`;
  };
}

/** `30s`, `5m`, `1h30m`. */
const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

/** Undefined when it is none. */
export function durationMs(text: string): number | undefined {
  const [whole = "", hours = "0", minutes = "0", seconds = "0"] = DURATION.exec(text) ?? [];
  if (whole === "") return undefined;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

export const duration: Check = (value) =>
  typeof value === "string" && (durationMs(value) ?? 0) > 0
    ? undefined
    : 'must be a time such as "30s" or "5m"';
