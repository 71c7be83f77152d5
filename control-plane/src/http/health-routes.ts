import { Router } from "express";

/**
 * `/livez`: the process answers. `/readyz`: it can do its work. `/api/health`: the same in Supavisor's form.
 * For everyone: balancers have no token.
 */
export function healthRoutes(databaseAnswers: () => Promise<boolean>): Router {
  const router = Router();
  router.get("/livez", (_request, response) => {
    response.json({ status: "ok" });
  });
  router.get("/readyz", async (_request, response) => {
    const ready = await databaseAnswers();
    response.status(ready ? 200 : 503).json({ status: ready ? "ok" : "the database does not answer" });
  });
  router.get("/api/health", async (_request, response) => {
    if (await databaseAnswers()) {
      response.status(204).end();
      return;
    }
    response.status(503).json({
      status: "unhealthy",
      timestamp: new Date().toISOString(),
      failed_checks: ["database_reachable"],
    });
  });
  return router;
}
