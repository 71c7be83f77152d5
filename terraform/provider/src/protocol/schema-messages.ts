import { bytes, flag, integer, list, nested, optionalInteger, optionalText, text } from "./fields.js";
import { type ContentOf, type MessageType, message } from "./message.js";

/**
 * What both sides tell each other about shapes and mistakes, in Terraform's plugin protocol 6.8. The numbers are facts
 * of that protocol, the tables are ours.
 */
export const DynamicValue = message({ msgpack: bytes(1), json: bytes(2) });

export const PathStep = message({
  attributeName: optionalText(1),
  elementKeyText: optionalText(2),
  elementKeyNumber: optionalInteger(3),
});
export const AttributePath = message({ steps: list(1, () => PathStep) });

export const SEVERITY = { error: 1, warning: 2 } as const;

export const Diagnostic = message({
  severity: integer(1),
  summary: text(2),
  detail: text(3),
  attribute: nested(4, () => AttributePath),
});

export const MARKDOWN = 1;

export const ATTRIBUTE_NESTING = { single: 1, list: 2, set: 3, map: 4 } as const;
export const BLOCK_NESTING = { single: 1 } as const;

export interface SchemaAttributeContent {
  readonly name: string;
  readonly type: Uint8Array;
  readonly nestedType: Partial<SchemaObjectContent> | undefined;
  readonly description: string;
  readonly required: boolean;
  readonly optional: boolean;
  readonly computed: boolean;
  readonly sensitive: boolean;
  readonly descriptionKind: number;
  readonly writeOnly: boolean;
}

export interface SchemaObjectContent {
  readonly attributes: readonly Partial<SchemaAttributeContent>[];
  readonly nesting: number;
}

export const SchemaAttribute: MessageType<SchemaAttributeContent> = message({
  name: text(1),
  type: bytes(2),
  description: text(3),
  required: flag(4),
  optional: flag(5),
  computed: flag(6),
  sensitive: flag(7),
  descriptionKind: integer(8),
  nestedType: nested(10, () => SchemaObject),
  writeOnly: flag(11),
});

export const SchemaObject: MessageType<SchemaObjectContent> = message({
  attributes: list(1, () => SchemaAttribute),
  nesting: integer(3),
});

export interface SchemaBlockContent {
  readonly version: number;
  readonly attributes: readonly Partial<SchemaAttributeContent>[];
  readonly blocks: readonly Partial<NestedBlockContent>[];
  readonly description: string;
  readonly descriptionKind: number;
}

export interface NestedBlockContent {
  readonly typeName: string;
  readonly block: Partial<SchemaBlockContent> | undefined;
  readonly nesting: number;
}

export const SchemaBlock: MessageType<SchemaBlockContent> = message({
  version: integer(1),
  attributes: list(2, () => SchemaAttribute),
  blocks: list(3, () => NestedBlock),
  description: text(4),
  descriptionKind: integer(5),
});

export const NestedBlock: MessageType<NestedBlockContent> = message({
  typeName: text(1),
  block: nested(2, () => SchemaBlock),
  nesting: integer(3),
});

export const Schema = message({ version: integer(1), block: nested(2, () => SchemaBlock) });
export type SchemaContent = ContentOf<typeof Schema>;

export const FunctionParameter = message({
  name: text(1),
  type: bytes(2),
  allowNull: flag(3),
  allowUnknown: flag(4),
  description: text(5),
  descriptionKind: integer(6),
});

export const FunctionSignature = message({
  parameters: list(1, () => FunctionParameter),
  variadic: nested(2, () => FunctionParameter),
  returns: nested(3, () => message({ type: bytes(1) })),
  summary: text(4),
  description: text(5),
  descriptionKind: integer(6),
});

export type DynamicValueContent = ContentOf<typeof DynamicValue>;
export type DiagnosticContent = ContentOf<typeof Diagnostic>;
export type AttributePathContent = ContentOf<typeof AttributePath>;
