import {
  ATTRIBUTE_NESTING,
  BLOCK_NESTING,
  MARKDOWN,
  type SchemaAttributeContent,
  type SchemaBlockContent,
  type SchemaContent,
  type ValueType,
} from "../protocol/index.js";
import { type Attribute, type Attributes, isConfigurable, typesOf } from "./attribute.js";

/** `name { ... }`, at most once. */
export interface Block {
  readonly description: string;
  readonly attributes: Attributes;
}

export interface Schema {
  /** Markdown. The first sentence stands alone in lists. */
  readonly description: string;
  readonly attributes: Attributes;
  readonly blocks?: Readonly<Record<string, Block>>;
}

/** Of the whole object. */
export function typeOf({ attributes, blocks = {} }: Schema): ValueType {
  const ofBlocks = Object.entries(blocks).map(([name, block]) => [
    name,
    ["object", typesOf(block.attributes)] as const,
  ]);
  return ["object", { ...typesOf(attributes), ...Object.fromEntries(ofBlocks) }];
}

export function schemaMessage(schema: Schema): Partial<SchemaContent> {
  return { block: blockMessage(schema) };
}

function blockMessage({ description, attributes, blocks = {} }: Schema): Partial<SchemaBlockContent> {
  return {
    description,
    descriptionKind: MARKDOWN,
    attributes: attributeMessages(attributes),
    blocks: Object.entries(blocks).map(([typeName, block]) => ({
      typeName,
      block: blockMessage(block),
      nesting: BLOCK_NESTING.single,
    })),
  };
}

function attributeMessages(attributes: Attributes): Partial<SchemaAttributeContent>[] {
  return Object.entries(attributes).map(([name, attribute]) => ({
    name,
    ...shapeMessage(attribute),
    description: attribute.description,
    descriptionKind: MARKDOWN,
    required: attribute.required === true,
    optional: attribute.required !== true && isConfigurable(attribute),
    computed: attribute.computed === true || attribute.default !== undefined,
    sensitive: attribute.sensitive === true,
    writeOnly: attribute.writeOnly === true,
  }));
}

function shapeMessage({ type, nested }: Attribute): Partial<SchemaAttributeContent> {
  if (nested === undefined) return { type: Buffer.from(JSON.stringify(type)) };
  return {
    nestedType: {
      attributes: attributeMessages(nested.attributes),
      nesting: ATTRIBUTE_NESTING[nested.mode],
    },
  };
}
