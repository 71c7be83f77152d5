import type { Request, Response, Router } from "express";
import type { FleetService, InstanceName } from "../fleet/index.js";
import { exactRouter } from "./exact-router.js";
import { generationView, instanceView } from "./fleet-view.js";
import { actorOf } from "./operator-only.js";
import { cursorAfter, readInstanceCursor } from "./page-cursor.js";
import { limitOf, textOf } from "./request-values.js";

const INSTANCE = "/api/fleet/instances/:group/:instance";
/** Stands in no name of a group or an instance. */
const BETWEEN = "/";

export function fleetRoutes(fleet: FleetService): Router {
  const router = exactRouter();
  router.get("/api/fleet", async ({ query }, response) => {
    const limit = limitOf(query.limit);
    const filter = { region: textOf(query.region), group: textOf(query.group) };
    const found = await fleet.list(filter, nameAfter(readInstanceCursor(query.cursor)), limit + 1);
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1)?.instance : undefined;
    response.json({
      data: page.map(instanceView),
      next_cursor: cursorAfter(last === undefined ? null : `${last.group}${BETWEEN}${last.instance}`),
    });
  });
  router.get("/api/fleet/generations/:generation", async (request, response) => {
    response.json({ data: generationView(await fleet.generation(BigInt(request.params.generation))) });
  });
  const answer = async (
    request: Request,
    response: Response,
    more: Readonly<Record<string, unknown>> = {},
  ) => {
    response.json({ data: instanceView(await fleet.get(instanceNameOf(request))), ...more });
  };
  router.get(INSTANCE, (request, response) => answer(request, response));
  router.post(`${INSTANCE}/revoke`, async (request, response) => {
    const generation = await fleet.revoke(instanceNameOf(request), actorOf(response));
    await answer(request, response, { generation: generation === undefined ? null : Number(generation) });
  });
  router.post(`${INSTANCE}/allow`, async (request, response) => {
    const { key_fingerprint: fingerprint } = request.body as { readonly key_fingerprint: string };
    await fleet.allow(instanceNameOf(request), fingerprint, actorOf(response));
    await answer(request, response);
  });
  router.delete(INSTANCE, async (request, response) => {
    await fleet.forget(instanceNameOf(request), actorOf(response));
    response.status(204).end();
  });
  return router;
}

function instanceNameOf(request: Request): InstanceName {
  return { group: String(request.params.group), instance: String(request.params.instance) };
}

function nameAfter(cursor: string | undefined): InstanceName | undefined {
  if (cursor === undefined) return undefined;
  const [group = "", instance = ""] = cursor.split(BETWEEN);
  return { group, instance };
}
