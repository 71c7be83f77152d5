import {
  type Attribute,
  type Attributes,
  isConfigurable,
  type NestedAttributes,
  type Schema,
} from "../framework/index.js";
import { typeName } from "./type-name.js";

/** What a page says of a schema, in the registry's form: required, optional and read-only, then what is nested. */
export function schemaSection({ attributes, blocks = {} }: Schema): string {
  const asBlocks = Object.entries(blocks).map(([name, { description }]): [string, string] => [
    name,
    `- \`${name}\` (Block, Optional) ${description} (see [below for nested schema](#nested-schema-for-${name}))`,
  ]);
  const nested = [
    ...Object.entries(attributes).flatMap(([name, { nested: below }]) =>
      below === undefined ? [] : [nestedSection(name, below.attributes)],
    ),
    ...Object.entries(blocks).map(([name, block]) => nestedSection(name, block.attributes)),
  ];
  return [["## Schema"], groups(attributes, asBlocks, "###"), nested].flat().join("\n\n");
}

function nestedSection(name: string, attributes: Attributes): string {
  return [`### Nested Schema for \`${name}\``, ...groups(attributes, [], "####", ` of \`${name}\``)].join(
    "\n\n",
  );
}

function groups(
  attributes: Attributes,
  blocks: readonly (readonly [string, string])[],
  heading: string,
  of = "",
): string[] {
  const entries = Object.entries(attributes);
  const lines = (which: (attribute: Attribute) => boolean) =>
    entries
      .filter(([, attribute]) => which(attribute))
      .map(([name, attribute]): readonly [string, string] => [name, attributeLine(name, attribute)]);
  const group = (title: string, listed: readonly (readonly [string, string])[]): string[] => {
    const sorted = [...listed].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, line]) => line);
    return sorted.length === 0 ? [] : [`${heading} ${title}${of}`, sorted.join("\n")];
  };
  return [
    ...group(
      "Required",
      lines(({ required }) => required === true),
    ),
    ...group("Optional", [
      ...lines((attribute) => attribute.required !== true && isConfigurable(attribute)),
      ...blocks,
    ]),
    ...group(
      "Read-Only",
      lines((attribute) => !isConfigurable(attribute)),
    ),
  ];
}

function attributeLine(name: string, attribute: Attribute): string {
  const { type, description, sensitive, writeOnly, nested, replaces } = attribute;
  const marks = [
    nested === undefined ? typeName(type) : nestedTypeName(nested),
    ...(sensitive === true ? ["Sensitive"] : []),
    ...(writeOnly === true ? ["Write-only"] : []),
  ].join(", ");
  const more = [
    ...(replaces === true ? ["Changing it replaces the thing."] : []),
    ...defaultText(attribute),
    ...(nested === undefined ? [] : [`(see [below for nested schema](#nested-schema-for-${name}))`]),
  ];
  return `- \`${name}\` (${marks}) ${[description, ...more].join(" ")}`;
}

function nestedTypeName({ mode }: NestedAttributes): string {
  if (mode === "single") return "Attributes";
  return `Attributes ${mode.charAt(0).toUpperCase()}${mode.slice(1)}`;
}

function defaultText({ default: fallback, description }: Attribute): string[] {
  if (fallback === undefined || typeof fallback === "function" || /\bdefault\b/i.test(description)) return [];
  return [`Default \`${JSON.stringify(fallback)}\`.`];
}
