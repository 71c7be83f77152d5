import { isExternalId } from "@sluice/shared/tenant";
import { TenantInvalid } from "../tenants/index.js";

/** Opaque to callers, so that what it stands for can change. */
export function cursorAfter(name: string | null): string | null {
  return name === null ? null : Buffer.from(name, "utf8").toString("base64url");
}

/** Behind an external_id or alias. @throws TenantInvalid for what is no `next_cursor` of ours. */
export function readCursor(cursor: unknown): string | undefined {
  return read(cursor, (text) => (isExternalId(text) ? text : undefined));
}

/** Behind a data plane's group and instance. @throws TenantInvalid */
export function readInstanceCursor(cursor: unknown): string | undefined {
  return read(cursor, (text) => (/^[A-Za-z0-9._-]+\/[A-Za-z0-9-]+$/.test(text) ? text : undefined));
}

/** Behind a number. @throws TenantInvalid */
export function readNumberCursor(cursor: unknown): bigint | undefined {
  return read(cursor, (text) => (/^\d{1,18}$/.test(text) ? BigInt(text) : undefined));
}

function read<T>(cursor: unknown, parse: (text: string) => T | undefined): T | undefined {
  if (cursor === undefined) return undefined;
  const parsed = parse(typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString("utf8") : "");
  if (parsed === undefined) {
    throw new TenantInvalid({ cursor: ["must be the next_cursor of the page before"] });
  }
  return parsed;
}
