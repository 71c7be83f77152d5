import type { Response } from "express";
import type { AuditLog } from "../audit/index.js";

/** Of an answer that shows one thing: the newest change of it, by which a caller can follow it through the fleet. */
export async function setGeneration(
  response: Response,
  audit: AuditLog,
  of: { readonly tenant: string } | { readonly cluster: string },
): Promise<void> {
  const filter = { tenant: undefined, cluster: undefined, since: undefined, until: undefined, ...of };
  const [newest] = await audit.list(filter, undefined, 1);
  const generation = newest?.generation ?? null;
  if (generation !== null) response.set("sluice-generation", String(generation));
}
