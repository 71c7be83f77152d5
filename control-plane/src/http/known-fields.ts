import { distance } from "fastest-levenshtein";
import type { OpenApiDocument } from "./openapi-document.js";

type Schema = Readonly<Record<string, unknown>>;

/** The fields that the document has beside one that it does not have. */
export class KnownFields {
  readonly #document: OpenApiDocument;

  constructor(document: OpenApiDocument) {
    this.#document = document;
  }

  /**
   * The known field that is nearest to an unknown one.
   * @param body schema of the request's body
   * @param path from the body to the unknown field, for instance `tenant`, `users`, `0`, `pol_size`
   */
  nearest(body: unknown, path: readonly string[]): string | undefined {
    const unknown = path.at(-1) ?? "";
    let schema = this.#resolved(body);
    for (const step of path.slice(0, -1)) schema = this.#below(schema, step);
    const scored = Object.keys(objectOf(schema.properties))
      .map((name) => ({ name, edits: edits(unknown.toLowerCase(), name) }))
      .sort((a, b) => a.edits - b.edits);
    const best = scored[0];
    return best !== undefined && best.edits <= Math.max(2, unknown.length / 2) ? best.name : undefined;
  }

  #below(schema: Schema, step: string): Schema {
    return this.#resolved(/^\d+$/.test(step) ? schema.items : objectOf(schema.properties)[step]);
  }

  #resolved(schema: unknown): Schema {
    const { $ref } = objectOf(schema);
    if (typeof $ref !== "string") return objectOf(schema);
    const steps = $ref.replace(/^#\//, "").split("/");
    return this.#resolved(steps.reduce<unknown>((at, step) => objectOf(at)[step], this.#document));
  }
}

/** A part of a name counts as near to it. */
function edits(unknown: string, name: string): number {
  const isPart = unknown.length > 2 && (name.includes(unknown) || unknown.includes(name));
  return isPart ? 1 : distance(unknown, name);
}

function objectOf(value: unknown): Schema {
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}
