import type { FieldProblems } from "../tenants/index.js";

/** A finding of express-openapi-validator. */
export interface ContractFinding {
  readonly path: string;
  readonly message: string;
}

/** Names the field that an unknown one is likely meant to be. */
export type Nearest = (path: readonly string[]) => string | undefined;

/** `/body/tenant/users/0/pool_size` becomes `users.0.pool_size`, and the validator's words become a person's. */
export function fieldErrors(findings: readonly ContractFinding[], nearest: Nearest): FieldProblems {
  const byField = new Map<string, string[]>();
  for (const { path, message } of findings.slice(0, MOST_FINDINGS)) {
    const parts = partsOf(path);
    const field = fieldOf(parts);
    const texts = byField.get(field) ?? [];
    const text = UNKNOWN.test(message) ? unknownField(nearest(parts.slice(1))) : inWords(message);
    if (text !== undefined && !texts.includes(text)) byField.set(field, [...texts, text]);
  }
  return Object.fromEntries(byField);
}

/** Of a body of 1 MB there may be tens of thousands; nobody reads them, and each costs time. */
const MOST_FINDINGS = 1000;

const UNKNOWN = /^must NOT have (additional|unevaluated) properties/;

function unknownField(nearest: string | undefined): string {
  return nearest === undefined ? "is not a known field" : `is not a known field: did you mean ${nearest}?`;
}

/** The first is `body`, `params` or `query`. */
function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  // JSON pointers write / as ~1 and ~ as ~0.
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What stands around all fields of a body is not named. */
const ENVELOPES: ReadonlySet<string> = new Set(["tenant", "user", "cluster"]);

function fieldOf([place = "", first = "", ...rest]: readonly string[]): string {
  // The validator names no place for a field whose name is empty.
  if (place === "") return "body";
  if (!["body", "params", "query"].includes(place)) return [place, first, ...rest].join(".");
  const within = rest.length > 0 && ENVELOPES.has(first) ? rest : [first, ...rest];
  return within.join(".") || "body";
}

function inWords(message: string): string | undefined {
  if (message.startsWith("must have required property")) return "can't be blank";
  const shorter = /^must NOT have fewer than (\d+) (\w+)/.exec(message);
  if (shorter !== null)
    return shorter[1] === "1" ? "can't be blank" : `must have at least ${shorter[1]} ${shorter[2]}`;
  const longer = /^must NOT have more than (\d+) (\w+)/.exec(message);
  if (longer !== null) return `must have at most ${longer[1]} ${longer[2]}`;
  const bound = /^must be (>=|<=|>|<) (.+)$/.exec(message);
  if (bound !== null) return `must be ${bound[1] === ">=" ? "at least" : "at most"} ${bound[2]}`;
  const choice = /^must be equal to one of the allowed values: (.+)$/.exec(message);
  if (choice !== null) {
    // Null is written as nothing, and "true" as true.
    const names = new Set((choice[1] ?? "").split(", ").map((name) => name || "null"));
    return `must be one of ${[...names].join(", ")}`;
  }
  if (message === 'must match format "date-time"') return "must be a moment such as 2026-01-31T12:00:00Z";
  if (message.startsWith("Unknown query parameter")) return "is not a known parameter";
  if (message.startsWith("Empty value found")) return "can't be blank";
  const pattern = /^must match pattern "(.+)"$/.exec(message)?.[1];
  if (pattern !== undefined) return PATTERNS[pattern] ?? message;
  const type = /^must be (\w+(,\w+)*)$/.exec(message);
  if (type !== null) return `must be ${(type[1] ?? "").split(",").map(named).join(" or ")}`;
  return message;
}

/** The patterns of what requests hold. */
const PATTERNS: Readonly<Record<string, string>> = {
  "^[A-Za-z0-9][A-Za-z0-9_-]*$": 'must be letters, digits, "_" and "-", a letter or a digit first',
  "^[A-Za-z0-9][A-Za-z0-9._-]*$": 'must be letters, digits, ".", "_" and "-", a letter or a digit first',
  "^[A-Za-z0-9-]+$": 'must be letters, digits and "-"',
  "^[0-9]{1,18}$": "must be a number of at most 18 digits",
  "^[0-9a-f]{64}$": "must be a fingerprint: 64 digits of 0-9 and a-f",
};

/** JSON Schema's types. */
function named(type: string): string {
  switch (type) {
    case "integer":
      return "a whole number";
    case "number":
      return "a number";
    case "string":
      return "a text";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
      return "an object";
    default:
      return type;
  }
}
