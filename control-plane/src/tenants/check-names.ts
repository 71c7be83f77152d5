import { LIMITS } from "@sluice/shared/tenant";
import type { Problems } from "./problems.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The name of a role or a database. Postgres would cut one that is too long, and it would mean another. */
export function checkName(field: string, name: string, problems: Problems): void {
  checkBytes(field, name, LIMITS.nameBytes, problems);
  // A NUL has been told of already: see checkTexts.
  if (CONTROL.test(name) && !name.includes("\0")) problems.add(field, "must not hold control characters");
}

export function checkBytes(field: string, text: string, most: number, problems: Problems): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > most) problems.add(field, `must have at most ${most} bytes in UTF-8, not ${bytes}`);
}
