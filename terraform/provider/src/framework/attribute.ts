import type { Value, Values, ValueType } from "../protocol/index.js";
import type { Check } from "./check.js";

/** A value that stands in where the configuration is silent; it may look at what the configuration says elsewhere. */
export type Default = (config: Values) => Value;

export interface AttributeOptions {
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  /** Makes it optional. A plan shows it, and taking the attribute out of the configuration goes back to it. */
  readonly default?: Value | Default;
  readonly sensitive?: boolean;
  /** Never in plan or state. */
  readonly writeOnly?: boolean;
  /** Another value means another thing: the old one is destroyed. */
  readonly replaces?: boolean;
  /** Of a computed one: it stays as it was unless one of these changes. Absent: unless anything does. */
  readonly keptUnless?: readonly string[];
  /** Of a computed one: what the configuration makes of it. Where it is otherwise, somebody has changed what it shows. */
  readonly derived?: (config: Values) => Value;
  readonly checks?: readonly Check[];
}

export interface NestedAttributes {
  readonly mode: "single" | "list" | "set" | "map";
  readonly attributes: Attributes;
}

export interface Attribute extends AttributeOptions {
  readonly type: ValueType;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly nested?: NestedAttributes;
}

export type Attributes = Readonly<Record<string, Attribute>>;

export function attribute(type: ValueType, description: string, options: AttributeOptions = {}): Attribute {
  return { type, description, ...options };
}

/** An attribute whose parts are attributes of their own. */
export function nestedAttribute(
  nested: NestedAttributes,
  description: string,
  options: AttributeOptions = {},
): Attribute {
  const object = ["object", typesOf(nested.attributes)] as const;
  const type: ValueType = nested.mode === "single" ? object : [nested.mode, object];
  return { type, description, nested, ...options };
}

export function typesOf(attributes: Attributes): Readonly<Record<string, ValueType>> {
  return Object.fromEntries(Object.entries(attributes).map(([name, { type }]) => [name, type]));
}

/** Whether the configuration may speak of it. */
export function isConfigurable({ required, optional, default: fallback }: Attribute): boolean {
  return required === true || optional === true || fallback !== undefined;
}

/** Whether the configuration decides what it is, by itself or by what it is derived from. */
export function isDecided(attribute: Attribute): boolean {
  return isConfigurable(attribute) || attribute.derived !== undefined;
}

export function defaultOf({ default: fallback }: Attribute, config: Values): Value {
  return typeof fallback === "function" ? fallback(config) : (fallback ?? null);
}
