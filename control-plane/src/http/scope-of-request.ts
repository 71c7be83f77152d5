import type { RequestHandler } from "express";
import { type ApiScope, requireScope } from "../operators/index.js";
import { operatorOf } from "./operator-only.js";

/** Supavisor's terminate is a GET that changes something. */
const CHANGES = /^\/api\/tenants\/[^/]+\/terminate\/?$/;

/** In front of the body: who may not do it learns nothing about what would be wrong with it. */
export function scopeOfRequest(): RequestHandler {
  return (request, response, next) => {
    requireScope(operatorOf(response), scopeFor(request.method, `${request.baseUrl}${request.path}`));
    next();
  };
}

export function scopeFor(method: string, path: string): ApiScope {
  const reads = (method === "GET" || method === "HEAD" || method === "OPTIONS") && !CHANGES.test(path);
  if (/^\/api\/fleet(\/|$)/.test(path)) return reads ? "fleet:read" : "fleet:write";
  return reads ? "tenants:read" : "tenants:write";
}
