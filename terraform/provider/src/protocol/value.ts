/** A type of Terraform's values, in the JSON form that the schema carries. */
export type ValueType =
  | "string"
  | "number"
  | "bool"
  | readonly ["list" | "set" | "map", ValueType]
  | readonly ["object", Readonly<Record<string, ValueType>>];

/** A value that is only known after apply. */
export class Unknown {
  readonly #unknown = true;

  static is(value: Value): value is Unknown {
    return value instanceof Unknown && value.#unknown;
  }
}

export const UNKNOWN = new Unknown();

/** A number that a JavaScript number does not hold exactly: it passes through as it came. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Value = null | string | number | boolean | Decimal | Unknown | readonly Value[] | Values;

/** An object or a map. */
export interface Values {
  readonly [name: string]: Value;
}

export function isValues(value: Value | undefined): value is Values {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Unknown) &&
    !(value instanceof Decimal)
  );
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** Whether nothing in it is unknown. */
export function isKnown(value: Value): boolean {
  if (value instanceof Unknown) return false;
  if (isList(value)) return value.every(isKnown);
  return !isValues(value) || Object.values(value).every(isKnown);
}
