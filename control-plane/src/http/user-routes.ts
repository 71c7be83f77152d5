import { type Request, Router } from "express";
import { entityTag, publicUser, type UserPatch, type UserService } from "../tenants/index.js";
import { changeRequest, preconditionOf, sendTag } from "./entity-tags.js";
import { externalIdOf, isDryRun } from "./request-values.js";

const PATH = "/api/tenants/:external_id/users/:db_user";

/** Single users. Their entity tag is the tenant's: a user has no version of its own. */
export function userRoutes(users: UserService): Router {
  const router = Router();
  router.get(PATH, async (request, response) => {
    const { user, tenant } = await users.get(externalIdOf(request), dbUserOf(request));
    if (!sendTag(request, response, tenant)) response.json({ data: publicUser(user) });
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
    if (change.outcome === "created") {
      response.status(201).location(`/api/tenants/${externalId}/users/${encodeURIComponent(dbUser)}`);
    }
    response.set("etag", entityTag(change.tenant)).json({ data: publicUser(change.user) });
  });
  router.delete(PATH, async (request, response) => {
    await users.remove(externalIdOf(request), dbUserOf(request), changeRequest(request, response));
    response.status(204).end();
  });
  return router;
}

function dbUserOf(request: Request): string {
  return String(request.params.db_user);
}
