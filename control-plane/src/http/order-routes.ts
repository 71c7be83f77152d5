import type { Request, Response, Router } from "express";
import type { AuditLog } from "../audit/index.js";
import {
  entityTag,
  type NetworkBan,
  type OrderResult,
  type OrderService,
  TenantInvalid,
  type UserService,
} from "../tenants/index.js";
import { changeRequest } from "./entity-tags.js";
import { exactRouter } from "./exact-router.js";
import { setGeneration } from "./generation-header.js";
import { dateOf, externalIdOf } from "./request-values.js";
import { tenantView } from "./tenant-view.js";

const TENANT = "/api/tenants/:external_id";

/** What is ordered of the data planes. */
export function orderRoutes(orders: OrderService, users: UserService, audit: AuditLog): Router {
  const router = exactRouter();
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
    const result = await ban(orders, request, response);
    const { tenant } = result;
    await setGeneration(response, audit, { tenant: tenant.externalId });
    response.set("etag", entityTag(tenant)).json({ data: tenantView(tenant), ...settlementView(result) });
  });
  router.post(`${TENANT}/update_auth_credentials`, async (request, response) => {
    const body = request.body as { readonly db_user: string; readonly db_password: string };
    const credentials = { dbUser: body.db_user, dbPassword: body.db_password };
    const change = await users.updateManager(
      externalIdOf(request),
      credentials,
      changeRequest(request, response),
    );
    const result = await orders.settled(change);
    if (result.outstanding.length === 0) response.status(204).end();
    else response.status(202).json(settlementView(result));
  });
  router.get(`${TENANT}/network_bans`, async (request, response) => {
    response.json(bansView(await orders.networkBans(externalIdOf(request))));
  });
  router.delete(`${TENANT}/network_bans`, async (request, response) => {
    const body = request.body as { readonly ipv4_addresses?: readonly string[]; readonly all?: boolean };
    const addresses = body.all === true ? "all" : body.ipv4_addresses;
    if (addresses === undefined) {
      throw new TenantInvalid({ ipv4_addresses: ["can't be blank, unless all is true"] });
    }
    const cleared = await orders.clearNetworkBans(
      externalIdOf(request),
      addresses,
      changeRequest(request, response),
    );
    response.json({ ...bansView(cleared.bans), ...settlementView(cleared) });
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

function orderView(result: OrderResult): Record<string, unknown> {
  return { ...settlementView(result), paused_until: result.tenant.pausedUntil?.toISOString() ?? null };
}

/** What the data planes have done within the time, and who has not answered. */
function settlementView({
  generation,
  done,
  outstanding,
}: Pick<OrderResult, "generation" | "done" | "outstanding">): Record<string, unknown> {
  return {
    result: outstanding.length === 0 ? "ok" : "outstanding",
    generation: generation === undefined ? null : Number(generation),
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
