import type { Request, Response, Router } from "express";
import type { AuditLog } from "../audit/index.js";
import type { ClusterInput, ClusterService, StoredCluster } from "../clusters/index.js";
import { entityTag } from "../tenants/index.js";
import { changeRequest, preconditionOf, sendTag } from "./entity-tags.js";
import { exactRouter } from "./exact-router.js";
import { setGeneration } from "./generation-header.js";
import { cursorAfter, readCursor } from "./page-cursor.js";
import { isDryRun, limitOf } from "./request-values.js";

export function clusterRoutes(clusters: ClusterService, audit: AuditLog): Router {
  const router = exactRouter();
  router.get("/api/clusters", async ({ query }, response) => {
    const page = await clusters.list(readCursor(query.cursor), limitOf(query.limit));
    response.json({ data: page.clusters.map(clusterView), next_cursor: cursorAfter(page.nextAfter) });
  });
  router.get("/api/clusters/:alias", async (request, response) => {
    const alias = aliasOf(request);
    const cluster = await clusters.get(alias);
    await setGeneration(response, audit, { cluster: alias });
    if (!sendTag(request, response, cluster)) response.json({ data: clusterView(cluster) });
  });
  router.put("/api/clusters/:alias", async (request, response) => {
    await put(clusters, audit, request, response);
  });
  router.delete("/api/clusters/:alias", async (request, response) => {
    const alias = aliasOf(request);
    await clusters.remove(alias, changeRequest(request, response));
    await setGeneration(response, audit, { cluster: alias });
    response.status(204).end();
  });
  return router;
}

async function put(
  clusters: ClusterService,
  audit: AuditLog,
  request: Request,
  response: Response,
): Promise<void> {
  const alias = aliasOf(request);
  const { cluster: input } = request.body as { readonly cluster: ClusterInput };
  if (isDryRun(request)) {
    const { outcome, difference } = await clusters.preview(alias, input, preconditionOf(request));
    response.json({ dry_run: true, outcome, difference });
    return;
  }
  const { cluster, outcome } = await clusters.put(alias, input, changeRequest(request, response));
  await setGeneration(response, audit, { cluster: alias });
  if (outcome === "created") response.status(201).location(`/api/clusters/${alias}`);
  response.set("etag", entityTag(cluster)).json({ data: clusterView(cluster) });
}

/** Supavisor's keys, and the members' `type`, which it keeps to itself. */
function clusterView(cluster: StoredCluster): Record<string, unknown> {
  return {
    id: cluster.id,
    alias: cluster.alias,
    active: cluster.active,
    cluster_tenants: cluster.members.map((member) => ({
      id: member.id,
      active: member.active,
      type: member.type,
      cluster_alias: cluster.alias,
      tenant_external_id: member.tenantExternalId,
      inserted_at: member.insertedAt.toISOString(),
      updated_at: member.updatedAt.toISOString(),
    })),
    inserted_at: cluster.insertedAt.toISOString(),
    updated_at: cluster.updatedAt.toISOString(),
  };
}

function aliasOf(request: Request): string {
  return String(request.params.alias);
}
