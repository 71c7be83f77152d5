import type { Request, Router } from "express";
import type { AuditLog } from "../audit/index.js";
import { entityTag, shownUser, type UserPatch, type UserService } from "../tenants/index.js";
import { changeRequest, preconditionOf, sendTag } from "./entity-tags.js";
import { exactRouter } from "./exact-router.js";
import { setGeneration } from "./generation-header.js";
import { externalIdOf, isDryRun } from "./request-values.js";

const PATH = "/api/tenants/:external_id/users/:db_user";

/** Single users. Their entity tag is the tenant's: a user has no version of its own. */
export function userRoutes(users: UserService, audit: AuditLog): Router {
  const router = exactRouter();
  router.get(PATH, async (request, response) => {
    const externalId = externalIdOf(request);
    const { user, tenant } = await users.get(externalId, dbUserOf(request));
    await setGeneration(response, audit, { tenant: externalId });
    if (!sendTag(request, response, tenant)) response.json({ data: shownUser(user) });
  });
  router.put(PATH, async (request, response) => {
    const externalId = externalIdOf(request);
    const dbUser = dbUserOf(request);
    const { user: patch } = request.body as { readonly user: UserPatch };
    if (isDryRun(request)) {
      const looked = await users.preview(externalId, dbUser, patch, preconditionOf(request));
      response.json({ dry_run: true, outcome: looked.outcome, difference: looked.difference });
      return;
    }
    const change = await users.put(externalId, dbUser, patch, changeRequest(request, response));
    await setGeneration(response, audit, { tenant: externalId });
    if (change.outcome === "created") {
      response.status(201).location(`/api/tenants/${externalId}/users/${encodeURIComponent(dbUser)}`);
    }
    response.set("etag", entityTag(change.tenant)).json({ data: shownUser(change.user) });
  });
  router.delete(PATH, async (request, response) => {
    const externalId = externalIdOf(request);
    await users.remove(externalId, dbUserOf(request), changeRequest(request, response));
    await setGeneration(response, audit, { tenant: externalId });
    response.status(204).end();
  });
  return router;
}

function dbUserOf(request: Request): string {
  return String(request.params.db_user);
}
