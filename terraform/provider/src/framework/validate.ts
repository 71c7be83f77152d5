import { isList, isValues, Unknown, type Value, type Values } from "../protocol/index.js";
import type { Attribute, Attributes } from "./attribute.js";
import { type Diagnostic, problem } from "./diagnostic.js";
import type { Path } from "./path.js";
import type { Schema } from "./schema.js";

/** What is wrong with a configuration, each with its place. What is unknown yet is looked at when it is known. */
export function validate({ attributes, blocks = {} }: Schema, config: Values): readonly Diagnostic[] {
  return [
    ...validateAttributes(attributes, config, []),
    ...Object.entries(blocks).flatMap(([name, block]) => {
      const content = config[name];
      return isValues(content) ? validateAttributes(block.attributes, content, [name]) : [];
    }),
  ];
}

function validateAttributes(attributes: Attributes, config: Values, above: Path): Diagnostic[] {
  return Object.entries(attributes).flatMap(([name, attribute]) =>
    validateValue(attribute, config[name] ?? null, [...above, name]),
  );
}

function validateValue(attribute: Attribute, value: Value, path: Path): Diagnostic[] {
  if (value === null || value instanceof Unknown) return [];
  const name = String(path.findLast((step) => typeof step === "string"));
  const own = (attribute.checks ?? [])
    .map((check) => check(value))
    .filter((wrong) => wrong !== undefined)
    .map((wrong) => problem(`Invalid ${name}`, `${name} ${wrong}.`, path));
  return [...own, ...validateNested(attribute, value, path)];
}

function validateNested({ nested }: Attribute, value: Value, path: Path): Diagnostic[] {
  if (nested === undefined) return [];
  const below = (item: Value, at: Path): Diagnostic[] =>
    isValues(item) ? validateAttributes(nested.attributes, item, at) : [];
  switch (nested.mode) {
    case "single":
      return below(value, path);
    case "list":
      return isList(value) ? value.flatMap((item, index) => below(item, [...path, index])) : [];
    case "set":
      // Elements of a set have no place of their own.
      return isList(value) ? value.flatMap((item) => below(item, path)) : [];
    case "map":
      return isValues(value)
        ? Object.entries(value).flatMap(([key, item]) => below(item, [...path, { key }]))
        : [];
    default:
      return nested.mode satisfies never;
  }
}
