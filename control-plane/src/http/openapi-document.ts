import { readFileSync } from "node:fs";
import { parse } from "yaml";

export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** The contract, as committed beside the sources. */
export function readOpenApiDocument(): OpenApiDocument {
  const text = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  return parse(text) as OpenApiDocument;
}
