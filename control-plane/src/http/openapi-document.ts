import { readFileSync } from "node:fs";
import { parse } from "yaml";

export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** The contract, as committed beside the sources. */
export function readOpenApiDocument(): OpenApiDocument {
  const text = readFileSync(new URL("../../openapi.yaml", import.meta.url), "utf8");
  return parse(text) as OpenApiDocument;
}

const METHODS = ["get", "put", "post", "patch", "delete"];

/** What the document lets be done at a path; RFC 9110 wants it named when something else was tried. */
export function methodsOf({ paths }: OpenApiDocument, path: string): readonly string[] {
  const item = Object.entries(paths ?? {}).find(([template]) => {
    const steps = template.split("/");
    const given = path.split("/");
    return (
      steps.length === given.length && steps.every((step, at) => step.startsWith("{") || step === given[at])
    );
  })?.[1];
  const methods = METHODS.filter((method) => typeof item === "object" && item !== null && method in item);
  return [...(methods.includes("get") ? ["HEAD"] : []), ...methods.map((method) => method.toUpperCase())];
}
