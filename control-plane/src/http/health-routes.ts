import type { Router } from "express";
import { exactRouter } from "./exact-router.js";

export interface HealthCheck {
  /** Supavisor's name, where it has the check. */
  readonly name: string;
  /** What is wrong when it fails. */
  readonly failure: string;
  passes(): Promise<boolean>;
}

/**
 * `/livez`: the process answers. `/readyz`: it can do its work. `/api/health`: the same in Supavisor's form.
 * For everyone: balancers have no token.
 */
export function healthRoutes(checks: readonly HealthCheck[]): Router {
  const router = exactRouter();
  router.get("/livez", (_request, response) => {
    response.json({ status: "ok" });
  });
  router.get("/readyz", async (_request, response) => {
    const failed = await failedOf(checks);
    response
      .status(failed.length === 0 ? 200 : 503)
      .json({ status: failed.map(({ failure }) => failure).join("; ") || "ok" });
  });
  router.get("/api/health", async (_request, response) => {
    const failed = await failedOf(checks);
    if (failed.length === 0) {
      response.status(204).end();
      return;
    }
    response.status(503).json({
      status: "unhealthy",
      timestamp: new Date().toISOString(),
      failed_checks: failed.map(({ name }) => name),
    });
  });
  return router;
}

async function failedOf(checks: readonly HealthCheck[]): Promise<readonly HealthCheck[]> {
  const passed = await Promise.all(checks.map((check) => check.passes()));
  return checks.filter((_, index) => passed[index] !== true);
}
