import type { Router } from "express";
import type { AuditEntry, AuditLog } from "../audit/index.js";
import { exactRouter } from "./exact-router.js";
import { cursorAfter, readNumberCursor } from "./page-cursor.js";
import { dateOf, limitOf, textOf } from "./request-values.js";

export function auditRoutes(audit: AuditLog): Router {
  const router = exactRouter();
  router.get("/api/audit", async ({ query }, response) => {
    const limit = limitOf(query.limit);
    const filter = {
      tenant: textOf(query.tenant),
      cluster: textOf(query.cluster),
      since: dateOf(query.since),
      until: dateOf(query.until),
    };
    const found = await audit.list(filter, readNumberCursor(query.cursor), limit + 1);
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    response.json({
      data: page.map(entryView),
      next_cursor: cursorAfter(last === undefined ? null : String(last.id)),
    });
  });
  return router;
}

function entryView(entry: AuditEntry): Record<string, unknown> {
  return {
    id: String(entry.id),
    at: entry.at.toISOString(),
    action: entry.action,
    tenant: entry.tenant,
    cluster: entry.cluster,
    generation: entry.generation === null ? null : Number(entry.generation),
    sub: entry.actor.subject,
    jti: entry.actor.jti,
    token_id: entry.actor.tokenId,
    request_id: entry.actor.requestId,
    difference: entry.difference,
  };
}
