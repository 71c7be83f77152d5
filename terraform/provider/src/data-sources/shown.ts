import { type Attribute, type Attributes, nestedAttribute } from "../framework/index.js";

/** The attributes of a resource, to be looked at only. */
export function shown(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, each]) => [name, shownOne(each)]));
}

function shownOne({ type, description, nested }: Attribute): Attribute {
  if (nested === undefined) return { type, description, computed: true };
  return nestedAttribute({ ...nested, attributes: shown(nested.attributes) }, description, {
    computed: true,
  });
}
