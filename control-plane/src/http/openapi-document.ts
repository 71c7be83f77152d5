import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** The contract, as committed beside the sources. */
export function readOpenApiDocument(): Record<string, unknown> {
  const text = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  return parse(text) as Record<string, unknown>;
}
