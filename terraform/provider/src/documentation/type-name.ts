import type { ValueType } from "../protocol/index.js";

/** As the registry's pages write types: `List of String`. */
export function typeName(type: ValueType): string {
  switch (type) {
    case "string":
      return "String";
    case "number":
      return "Number";
    case "bool":
      return "Boolean";
    default:
      return type[0] === "object" ? "Object" : `${capital(type[0])} of ${typeName(type[1])}`;
  }
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
