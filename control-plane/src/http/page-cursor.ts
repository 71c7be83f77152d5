import { isExternalId } from "@sluice/shared/tenant";
import { RequestRefused } from "./request-failure.js";

/** Opaque to callers, so that what it stands for can change. */
export function cursorAfter(externalId: string | null): string | null {
  return externalId === null ? null : Buffer.from(externalId, "utf8").toString("base64url");
}

/** @throws RequestRefused for what is no `next_cursor` of ours. */
export function readCursor(cursor: unknown): string | undefined {
  if (cursor === undefined) return undefined;
  const after = typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString("utf8") : "";
  if (!isExternalId(after))
    throw new RequestRefused(422, "cursor must be the next_cursor of the page before");
  return after;
}
