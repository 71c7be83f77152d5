import { type Request, type Response, Router } from "express";
import {
  entityTag,
  type NetworkBan,
  type OrderResult,
  type OrderService,
  type UserService,
} from "../tenants/index.js";
import { changeRequest } from "./entity-tags.js";
import { dateOf, externalIdOf } from "./request-values.js";
import { tenantView } from "./tenant-view.js";

const TENANT = "/api/tenants/:external_id";

/** What is ordered of the data planes. */
export function orderRoutes(orders: OrderService, users: UserService): Router {
  const router = Router();
  const terminate = async (request: Request, response: Response): Promise<void> => {
    const result = await orders.terminate(externalIdOf(request), changeRequest(request, response));
    response.json(orderView(result));
  };
  // GET as Supavisor has it.
  router.get(`${TENANT}/terminate`, terminate);
  router.post(`${TENANT}/terminate`, terminate);
  router.post(`${TENANT}/pause`, async (request, response) => {
    const { timeout } = (request.body ?? {}) as { readonly timeout?: number };
    const result = await orders.pause(externalIdOf(request), timeout, changeRequest(request, response));
    response.json(orderView(result));
  });
  router.post(`${TENANT}/resume`, async (request, response) => {
    response.json(orderView(await orders.resume(externalIdOf(request), changeRequest(request, response))));
  });
  router.patch(TENANT, async (request, response) => {
    const { tenant } = await ban(orders, request, response);
    response.set("etag", entityTag(tenant)).json({ data: tenantView(tenant) });
  });
  router.post(`${TENANT}/update_auth_credentials`, async (request, response) => {
    const body = request.body as { readonly db_user: string; readonly db_password: string };
    const credentials = { dbUser: body.db_user, dbPassword: body.db_password };
    await users.updateManager(externalIdOf(request), credentials, changeRequest(request, response));
    response.status(204).end();
  });
  router.get(`${TENANT}/network_bans`, async (request, response) => {
    response.json(bansView(await orders.networkBans(externalIdOf(request))));
  });
  router.delete(`${TENANT}/network_bans`, async (request, response) => {
    const body = request.body as { readonly ipv4_addresses?: readonly string[]; readonly all?: boolean };
    const addresses = body.all === true ? "all" : (body.ipv4_addresses ?? []);
    const left = await orders.clearNetworkBans(
      externalIdOf(request),
      addresses,
      changeRequest(request, response),
    );
    response.json(bansView(left));
  });
  return router;
}

function ban(orders: OrderService, request: Request, response: Response) {
  const body = request.body as {
    /** The texts as Supavisor takes them. */
    readonly banned: boolean | "true" | "false";
    readonly ban_reason?: string | null;
    readonly banned_until?: string | null;
  };
  const change = changeRequest(request, response);
  const externalId = externalIdOf(request);
  if (String(body.banned) !== "true") return orders.unban(externalId, change);
  const until = dateOf(body.banned_until) ?? null;
  return orders.ban(externalId, { reason: body.ban_reason ?? "", until }, change);
}

function orderView({ tenant, generation, done, outstanding }: OrderResult): Record<string, unknown> {
  return {
    result: outstanding.length === 0 ? "ok" : "outstanding",
    generation: generation === undefined ? null : Number(generation),
    paused_until: tenant.pausedUntil?.toISOString() ?? null,
    data_planes: done,
    outstanding,
  };
}

/** Supavisor's shape, which has IPv6 addresses in the same list. Seconds since the epoch. */
function bansView(bans: readonly NetworkBan[]): Record<string, unknown> {
  return {
    banned_ipv4_addresses: bans.map(({ address, untilMs }) => ({
      banned_address: address,
      banned_until: Math.ceil(untilMs / 1000),
    })),
  };
}
