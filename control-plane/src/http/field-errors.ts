import type { FieldProblems } from "../tenants/index.js";

/** A finding of express-openapi-validator. */
export interface ContractFinding {
  readonly path: string;
  readonly message: string;
}

/** `/body/tenant/users/0/pool_size` becomes `users.0.pool_size`, and the validator's words become a person's. */
export function fieldErrors(findings: readonly ContractFinding[]): FieldProblems {
  const byField = new Map<string, string[]>();
  for (const { path, message } of findings) {
    const field = fieldOf(path);
    const texts = byField.get(field) ?? [];
    const text = inWords(message);
    if (text !== undefined && !texts.includes(text)) byField.set(field, [...texts, text]);
  }
  return Object.fromEntries(byField);
}

function fieldOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts[0] === "body" || parts[0] === "params" || parts[0] === "query") parts.shift();
  if (parts[0] === "tenant" && parts.length > 1) parts.shift();
  // JSON pointers write / as ~1 and ~ as ~0.
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(".") || "body";
}

function inWords(message: string): string | undefined {
  if (message.startsWith("must have required property")) return "can't be blank";
  if (/^must NOT have (additional|unevaluated) properties/.test(message)) return "is not a known field";
  const shorter = /^must NOT have fewer than (\d+) (\w+)/.exec(message);
  if (shorter !== null)
    return shorter[1] === "1" ? "can't be blank" : `must have at least ${shorter[1]} ${shorter[2]}`;
  const longer = /^must NOT have more than (\d+) (\w+)/.exec(message);
  if (longer !== null) return `must have at most ${longer[1]} ${longer[2]}`;
  const bound = /^must be (>=|<=|>|<) (.+)$/.exec(message);
  if (bound !== null) return `must be ${bound[1] === ">=" ? "at least" : "at most"} ${bound[2]}`;
  const choice = /^must be equal to one of the allowed values: (.+)$/.exec(message);
  // Null is written as nothing.
  if (choice !== null) return `must be one of ${(choice[1] ?? "").replace(/, $/, ", null")}`;
  const type = /^must be (\w+(,\w+)*)$/.exec(message);
  if (type !== null) return `must be ${(type[1] ?? "").split(",").map(named).join(" or ")}`;
  return message;
}

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
