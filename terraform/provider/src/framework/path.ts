import type { AttributePathContent } from "../protocol/index.js";

/** From the outermost attribute inwards: names of attributes, places in a list, keys of a map. */
export type Path = readonly (string | number | { readonly key: string })[];

export function pathMessage(path: Path): Partial<AttributePathContent> {
  return {
    steps: path.map((step) => {
      if (typeof step === "string") return { attributeName: step };
      return typeof step === "number" ? { elementKeyNumber: step } : { elementKeyText: step.key };
    }),
  };
}
