import {
  isList,
  isValues,
  sameValue,
  typeBelow,
  UNKNOWN,
  Unknown,
  type Value,
  type Values,
} from "../protocol/index.js";
import { type Attribute, type Attributes, defaultOf, isConfigurable, isDecided } from "./attribute.js";
import type { Path } from "./path.js";
import { type Schema, typeOf } from "./schema.js";

export interface Plan {
  readonly planned: Values;
  /** Attributes for whose sake the thing has to be made anew. */
  readonly replaces: readonly Path[];
  readonly changed: boolean;
}

/**
 * What a thing will be. What the configuration says stays as it stands, to the letter; where it is silent the default
 * counts; what the API computes stays what it was as long as nothing changes that it hangs on, and else is unknown.
 * @param prior null: it is to be made
 */
export function planChange(schema: Schema, prior: Values | null, config: Values): Plan {
  const { attributes, blocks = {} } = schema;
  const configured: Record<string, Value> = configuredValues(attributes, config);
  for (const [name, block] of Object.entries(blocks)) {
    const content = config[name] ?? null;
    configured[name] = isValues(content) ? configuredValues(block.attributes, content) : content;
  }
  for (const [name, { derived }] of Object.entries(attributes)) {
    if (derived !== undefined) configured[name] = derived(config);
  }
  const differing = new Set(
    Object.keys(configured).filter((name) => prior === null || differs(schema, name, configured, prior)),
  );
  const changed = prior === null || differing.size > 0;
  const computed = Object.entries(attributes)
    .filter(([, attribute]) => !isDecided(attribute))
    .map(([name, { keptUnless }]): [string, Value] => {
      const stays =
        prior !== null && (!changed || (keptUnless?.every((other) => !differing.has(other)) ?? false));
      return [name, stays ? (prior[name] ?? null) : UNKNOWN];
    });
  const replaces = prior === null ? [] : [...differing].filter((name) => attributes[name]?.replaces === true);
  return {
    planned: { ...configured, ...Object.fromEntries(computed) },
    replaces: replaces.map((name) => [name]),
    changed,
  };
}

/** The same plan with these computed attributes becoming others, for whose sake the thing has to be made anew. */
export function planAnew(plan: Plan, names: readonly string[]): Plan {
  return {
    planned: { ...plan.planned, ...Object.fromEntries(names.map((name) => [name, UNKNOWN])) },
    replaces: [...plan.replaces, ...names.map((name) => [name])],
    changed: plan.changed || names.length > 0,
  };
}

function differs(schema: Schema, name: string, planned: Values, prior: Values): boolean {
  return !sameValue(planned[name] ?? null, prior[name] ?? null, typeBelow(typeOf(schema), name));
}

function configuredValues(attributes: Attributes, config: Values): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([, attribute]) => isConfigurable(attribute))
      .map(([name, attribute]) => [name, configuredValue(attribute, config[name] ?? null, config)]),
  );
}

function configuredValue(attribute: Attribute, given: Value, config: Values): Value {
  if (attribute.writeOnly === true) return null;
  if (given === null) return defaultOf(attribute, config);
  const { nested } = attribute;
  if (nested === undefined || given instanceof Unknown) return given;
  const below = (item: Value): Value => (isValues(item) ? configuredValues(nested.attributes, item) : item);
  if (nested.mode === "single") return below(given);
  if (isList(given)) return given.map(below);
  if (!isValues(given)) return given;
  return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, below(item)]));
}
