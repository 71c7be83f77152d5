import { ValueMalformed } from "./dynamic-value.js";
import type { Value, Values, ValueType } from "./value.js";

/**
 * A stored state, in JSON, as a value of today's type: attributes that are gone are dropped, new ones are null. So a
 * state that an older provider wrote is read without a step of its own, as long as no attribute changed its type.
 * @throws ValueMalformed
 */
export function valueOfJson(json: unknown, type: ValueType, at = ""): Value {
  if (json === null || json === undefined) return null;
  if (typeof type === "string") {
    if (typeof json === (type === "bool" ? "boolean" : type)) return json as Value;
  } else if (type[0] === "list" || type[0] === "set") {
    if (Array.isArray(json)) return json.map((item, index) => valueOfJson(item, type[1], `${at}[${index}]`));
  } else if (typeof json === "object" && !Array.isArray(json)) {
    const given = json as Readonly<Record<string, unknown>>;
    const types = type[0] === "object" ? type[1] : undefined;
    const names = Object.keys(types ?? given);
    return Object.fromEntries(
      names.map((name) => {
        const below = types?.[name] ?? (type[0] === "map" ? type[1] : "string");
        return [name, valueOfJson(given[name], below, `${at}.${name}`)];
      }),
    ) as Values;
  }
  throw new ValueMalformed(at, `is not of type ${JSON.stringify(type)}`);
}
