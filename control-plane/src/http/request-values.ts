import type { Request } from "express";
import { momentOf } from "./moment.js";

const PAGE = 100;

/** What the OpenAPI document has checked, with a type. */
export function externalIdOf(request: Request): string {
  return String(request.params.external_id);
}

export function limitOf(limit: unknown): number {
  return limit === undefined ? PAGE : Number(limit);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function dateOf(value: unknown): Date | undefined {
  return typeof value === "string" ? momentOf(value) : undefined;
}

/** A change that is only looked at. */
export function isDryRun({ query }: Request): boolean {
  return String(query.dry_run) === "true";
}
