import type { Router } from "express";
import type { Registry } from "prom-client";
import type { Authenticate } from "../operators/index.js";
import type { DataPlanes } from "../tenants/index.js";
import { exactRouter } from "./exact-router.js";

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** For Prometheus, with a token of its own (METRICS_JWT_SECRET). An unknown tenant has no series. */
export function metricsRoutes(
  registry: Registry,
  dataPlanes: DataPlanes,
  authenticate: Authenticate,
): Router {
  const router = exactRouter();
  router.get("/metrics", async (request, response) => {
    await authenticate(request);
    // While the database is away the control plane's own series are there.
    const fleet = await dataPlanes.metrics(undefined).catch(() => "");
    response.type(TEXT).send(`${await registry.metrics()}${fleet}# EOF\n`);
  });
  router.get("/metrics/:external_id", async (request, response) => {
    await authenticate(request);
    response.type(TEXT).send(`${await dataPlanes.metrics(request.params.external_id)}# EOF\n`);
  });
  return router;
}
