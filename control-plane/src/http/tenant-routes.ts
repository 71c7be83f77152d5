import { type Request, Router } from "express";
import type { TenantInput, TenantService } from "../tenants/index.js";
import { tenantView } from "./tenant-view.js";

/** The OpenAPI document has checked path, query and body before these are called. */
export function tenantRoutes(tenants: TenantService): Router {
  const router = Router();
  router.get("/api/tenants", async (request, response) => {
    const cursor = request.query["cursor"];
    const page = await tenants.list(
      typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString("utf8") : undefined,
    );
    response.json({
      data: page.tenants.map(tenantView),
      next_cursor:
        page.nextCursor === null ? null : Buffer.from(page.nextCursor, "utf8").toString("base64url"),
    });
  });
  router.get("/api/tenants/:external_id", async (request, response) => {
    response.json({ data: tenantView(await tenants.get(idOf(request))) });
  });
  router.put("/api/tenants/:external_id", async (request, response) => {
    const id = idOf(request);
    const { tenant: input } = request.body as { tenant: TenantInput };
    const { tenant, created } = await tenants.put(id, input);
    if (created) response.status(201).location(`/api/tenants/${id}`);
    response.json({ data: tenantView(tenant) });
  });
  router.delete("/api/tenants/:external_id", async (request, response) => {
    await tenants.remove(idOf(request));
    response.status(204).end();
  });
  return router;
}

function idOf(request: Request): string {
  return String(request.params["external_id"]);
}
