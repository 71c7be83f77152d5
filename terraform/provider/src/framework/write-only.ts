import { isValues, type Values } from "../protocol/index.js";
import type { Attributes } from "./attribute.js";
import { type Diagnostic, problem } from "./diagnostic.js";
import type { Path } from "./path.js";
import type { Schema } from "./schema.js";

/** Older Terraform would keep a write-only value in its state without a word. */
export function writeOnlyProblems(schema: Schema, config: Values, allowed: boolean): readonly Diagnostic[] {
  if (allowed) return [];
  const blocks = Object.entries(schema.blocks ?? {}).flatMap(([name, block]) => {
    const content = config[name];
    return isValues(content) ? given(block.attributes, content, [name]) : [];
  });
  return [...given(schema.attributes, config, []), ...blocks].map((path) =>
    problem(
      "Write-only attributes need Terraform 1.11",
      "This Terraform would store the value in its state. Update it, or use the attribute without _wo.",
      path,
    ),
  );
}

function given(attributes: Attributes, config: Values, above: Path): Path[] {
  return Object.entries(attributes)
    .filter(([name, { writeOnly }]) => writeOnly === true && (config[name] ?? null) !== null)
    .map(([name]) => [...above, name]);
}
