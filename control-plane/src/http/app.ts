import type { Logger } from "@sluice/shared/observability";
import express, { type Express } from "express";
import helmet from "helmet";
import type { Registry } from "prom-client";
import type { AuditLog } from "../audit/index.js";
import type { ClusterService } from "../clusters/index.js";
import type { FleetService } from "../fleet/index.js";
import type { Authenticate } from "../operators/index.js";
import type { DataPlanes, OrderService, TenantService, UserService } from "../tenants/index.js";
import { acceptsJson } from "./accepts-json.js";
import { auditRoutes } from "./audit-routes.js";
import { clusterRoutes } from "./cluster-routes.js";
import { contract } from "./contract.js";
import { errorAnswers } from "./error-answers.js";
import { fleetRoutes } from "./fleet-routes.js";
import { headAsGet } from "./head-as-get.js";
import { type HealthCheck, healthRoutes } from "./health-routes.js";
import { requestMetrics } from "./http-metrics.js";
import { jsonBody } from "./json-body.js";
import { metricsRoutes } from "./metrics-routes.js";
import { neverStale } from "./never-stale.js";
import { readOpenApiDocument } from "./openapi-document.js";
import { operatorOnly } from "./operator-only.js";
import { orderRoutes } from "./order-routes.js";
import { addressLimit, type RateLimits, tokenLimit } from "./rate-limits.js";
import { requestIds } from "./request-ids.js";
import { requestLog } from "./request-log.js";
import { requestSpans } from "./request-spans.js";
import { scopeOfRequest } from "./scope-of-request.js";
import { swaggerUi } from "./swagger-ui.js";
import { tenantRoutes } from "./tenant-routes.js";
import { unknownRoute } from "./unknown-route.js";
import { usableUrl } from "./usable-url.js";
import { userRoutes } from "./user-routes.js";

export interface AppParts {
  readonly tenants: TenantService;
  readonly users: UserService;
  readonly orders: OrderService;
  readonly clusters: ClusterService;
  readonly audit: AuditLog;
  readonly dataPlanes: DataPlanes;
  readonly fleet: FleetService;
  readonly authenticate: Authenticate;
  /** For `/metrics`. */
  readonly authenticateMetrics: Authenticate;
  readonly rateLimits: RateLimits;
  /** Address ranges of those whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** The control plane's own. */
  readonly metrics: Registry;
  readonly logger: Logger;
  readonly healthChecks: readonly HealthCheck[];
  /** For tests: an answer that is not as the OpenAPI document says becomes a 500. */
  readonly checkAnswers?: boolean;
}

/** From request to answer, in this order. What stands in front of `operatorOnly` is for everyone. */
export function makeApp(parts: AppParts): Express {
  const document = readOpenApiDocument();
  const app = express();
  app.disable("x-powered-by");
  // As exactRouter, of what is mounted here.
  app.enable("case sensitive routing");
  app.set("trust proxy", [...parts.trustedProxies]);
  // Answers are for one moment; nobody revalidates them.
  app.disable("etag");
  app.use(requestIds());
  app.use(requestLog(parts.logger));
  app.use(
    helmet({
      // Plain HTTP behind whatever ends TLS; a browser on http:// must not be sent to https://.
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  );
  app.use(requestMetrics(parts.metrics));
  app.use(headAsGet());
  app.use(healthRoutes(parts.healthChecks));
  app.use(requestSpans());
  app.get("/api/openapi", (_request, response) => {
    response.json(document);
  });
  app.use("/swaggerui", swaggerUi(document));
  app.use(addressLimit(parts.rateLimits));
  app.use(metricsRoutes(parts.metrics, parts.dataPlanes, parts.authenticateMetrics));
  app.use("/api", operatorOnly(parts.authenticate), tokenLimit(parts.rateLimits));
  app.use("/api", neverStale());
  app.use("/api", scopeOfRequest(), acceptsJson(), usableUrl(), jsonBody());
  app.use(contract(document, { checkAnswers: parts.checkAnswers ?? false }));
  app.use(tenantRoutes(parts.tenants, parts.audit));
  app.use(userRoutes(parts.users, parts.audit));
  app.use(orderRoutes(parts.orders, parts.users, parts.audit));
  app.use(clusterRoutes(parts.clusters, parts.audit));
  app.use(auditRoutes(parts.audit));
  app.use(fleetRoutes(parts.fleet));
  app.use(unknownRoute(document));
  app.use(errorAnswers(parts.logger, document));
  return app;
}
