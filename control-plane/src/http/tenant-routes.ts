import { type Request, Router } from "express";
import type { TenantInput, TenantService } from "../tenants/index.js";
import { cursorAfter, readCursor } from "./page-cursor.js";
import { tenantView } from "./tenant-view.js";

const PAGE = 100;

/** The OpenAPI document has checked path, query and body before these are called. */
export function tenantRoutes(tenants: TenantService): Router {
  const router = Router();
  router.get("/api/tenants", async (request, response) => {
    const page = await tenants.list(readCursor(request.query.cursor), PAGE);
    response.json({ data: page.tenants.map(tenantView), next_cursor: cursorAfter(page.nextAfter) });
  });
  router.get("/api/tenants/:external_id", async (request, response) => {
    response.json({ data: tenantView(await tenants.get(externalIdOf(request))) });
  });
  router.put("/api/tenants/:external_id", async (request, response) => {
    const externalId = externalIdOf(request);
    // The one place where a body gets its type; see TenantInput.
    const { tenant: input } = request.body as { readonly tenant: TenantInput };
    const { tenant, outcome } = await tenants.put(externalId, input);
    if (outcome === "created") response.status(201).location(`/api/tenants/${externalId}`);
    response.json({ data: tenantView(tenant) });
  });
  router.delete("/api/tenants/:external_id", async (request, response) => {
    await tenants.remove(externalIdOf(request));
    response.status(204).end();
  });
  return router;
}

function externalIdOf(request: Request): string {
  return String(request.params.external_id);
}
