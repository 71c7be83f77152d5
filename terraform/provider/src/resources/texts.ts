import type { Value } from "../protocol/index.js";

/** A value that the schema makes a text. */
export function textOf(value: Value | undefined): string {
  if (typeof value === "string") return value;
  throw new TypeError("a text was due");
}
