import type { Request, Response, Router } from "express";
import type { AuditLog } from "../audit/index.js";
import type { TenantFilter, TenantInput, TenantService } from "../tenants/index.js";
import { entityTag } from "../tenants/index.js";
import { changeRequest, preconditionOf, sendTag } from "./entity-tags.js";
import { exactRouter } from "./exact-router.js";
import { setGeneration } from "./generation-header.js";
import { cursorAfter, readCursor } from "./page-cursor.js";
import { externalIdOf, isDryRun, limitOf, textOf } from "./request-values.js";
import { tenantView } from "./tenant-view.js";

/** The OpenAPI document has checked path, query and body before these are called. */
export function tenantRoutes(tenants: TenantService, audit: AuditLog): Router {
  const router = exactRouter();
  router.get("/api/tenants", async ({ query }, response) => {
    const page = await tenants.list(filterOf(query), readCursor(query.cursor), limitOf(query.limit));
    response.json({ data: page.tenants.map(tenantView), next_cursor: cursorAfter(page.nextAfter) });
  });
  router.get("/api/tenants/:external_id", async (request, response) => {
    const externalId = externalIdOf(request);
    const tenant = await tenants.get(externalId);
    await setGeneration(response, audit, { tenant: externalId });
    if (!sendTag(request, response, tenant)) response.json({ data: tenantView(tenant) });
  });
  router.put("/api/tenants/:external_id", async (request, response) => {
    await put(tenants, audit, request, response);
  });
  router.delete("/api/tenants/:external_id", async (request, response) => {
    const externalId = externalIdOf(request);
    await tenants.remove(externalId, changeRequest(request, response));
    await setGeneration(response, audit, { tenant: externalId });
    response.status(204).end();
  });
  return router;
}

async function put(
  tenants: TenantService,
  audit: AuditLog,
  request: Request,
  response: Response,
): Promise<void> {
  const externalId = externalIdOf(request);
  // The one place where a body gets its type; see TenantInput.
  const { tenant: input } = request.body as { readonly tenant: TenantInput };
  if (isDryRun(request)) {
    const { outcome, difference } = await tenants.preview(externalId, input, preconditionOf(request));
    response.json({ dry_run: true, outcome, difference });
    return;
  }
  const { tenant, outcome } = await tenants.put(externalId, input, changeRequest(request, response));
  await setGeneration(response, audit, { tenant: externalId });
  if (outcome === "created") response.status(201).location(`/api/tenants/${externalId}`);
  response.set("etag", entityTag(tenant)).json({ data: tenantView(tenant) });
}

function filterOf(query: Request["query"]): TenantFilter {
  return {
    region: textOf(query.region),
    dbHost: textOf(query.db_host),
    banned: query.banned === undefined ? undefined : String(query.banned) === "true",
    text: textOf(query.q),
  };
}
