import { Decimal, isList, isValues, Unknown, type Value, type ValueType } from "./value.js";

/** Whether two values of one type are the same; the order of a set does not count, an unknown is like nothing else. */
export function sameValue(one: Value, other: Value, type: ValueType): boolean {
  if (one instanceof Unknown || other instanceof Unknown) return one === other;
  if (one === null || other === null) return one === other;
  if (isList(one) && isList(other)) return sameItems(one, other, type);
  if (isValues(one) && isValues(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every(
        (name) =>
          Object.hasOwn(other, name) &&
          sameValue(one[name] ?? null, other[name] ?? null, typeBelow(type, name)),
      )
    );
  }
  if (one instanceof Decimal && other instanceof Decimal) return one.text === other.text;
  return one === other;
}

function sameItems(one: readonly Value[], other: readonly Value[], type: ValueType): boolean {
  if (one.length !== other.length) return false;
  const item = typeBelow(type, "");
  if (type[0] !== "set") {
    return one.every((value, index) => sameValue(value, other[index] ?? null, item));
  }
  const left = [...other];
  return one.every((value) => {
    const at = left.findIndex((candidate) => sameValue(value, candidate, item));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** The type of an element, or of an object's attribute. */
export function typeBelow(type: ValueType, name: string): ValueType {
  if (typeof type === "string") return type;
  return type[0] === "object" ? (type[1][name] ?? "string") : type[1];
}
