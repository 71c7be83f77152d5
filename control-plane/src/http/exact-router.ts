import { Router } from "express";

/**
 * Express takes /API/Tenants for /api/tenants by itself, and whoever looks at a path in front of a route (token, scope,
 * contract) would have to know that. Here they are two paths.
 */
export function exactRouter(): Router {
  return Router({ caseSensitive: true });
}
