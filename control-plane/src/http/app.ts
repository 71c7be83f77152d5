import type { Logger } from "@sluice/shared/observability";
import express, { type Express } from "express";
import * as OpenApiValidator from "express-openapi-validator";
import helmet from "helmet";
import swaggerUi from "swagger-ui-express";
import type { bearerTokens } from "../operators/index.js";
import type { TenantService } from "../tenants/index.js";
import { ApiError } from "./api-error.js";
import { errorAnswers } from "./error-answers.js";
import { jsonBody } from "./json-body.js";
import { readOpenApiDocument } from "./openapi-document.js";
import { requestLog } from "./request-log.js";
import { tenantRoutes } from "./tenant-routes.js";

export interface AppParts {
  readonly tenants: TenantService;
  readonly authenticator: ReturnType<typeof bearerTokens>;
  readonly logger: Logger;
  /** Whether the store answers. */
  readonly isHealthy: () => Promise<boolean>;
}

/** From request to answer: log, body, documents, contract (with the bearer token), routes, errors. */
export function makeApp(parts: AppParts): Express {
  const { tenants, authenticator, logger, isHealthy } = parts;
  const document = readOpenApiDocument();
  const app = express();
  app.disable("x-powered-by");
  app.use(requestLog(logger));
  app.use(helmet({ contentSecurityPolicy: false, strictTransportSecurity: false }));
  app.get("/livez", (_request, response) => response.status(200).json({ status: "ok" }));
  app.get("/readyz", async (_request, response) => {
    const healthy = await isHealthy();
    response.status(healthy ? 200 : 503).json({ status: healthy ? "ok" : "database unreachable" });
  });
  app.get("/api/health", async (_request, response) => {
    if (await isHealthy()) response.status(204).end();
    else {
      response.status(503).json({
        status: "unhealthy",
        timestamp: new Date().toISOString(),
        failed_checks: ["database_reachable"],
      });
    }
  });
  app.get("/api/openapi", (_request, response) => response.json(document));
  app.use("/swaggerui", swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: "Sluice" }));
  app.use(jsonBody());
  app.use(authenticator.initialize());
  app.use(
    OpenApiValidator.middleware({
      apiSpec: document as Parameters<typeof OpenApiValidator.middleware>[0]["apiSpec"],
      validateRequests: { allErrors: true, removeAdditional: false },
      validateResponses: false,
      ignorePaths: /^\/(swaggerui|livez|readyz|api\/openapi|api\/health)/,
      validateSecurity: {
        handlers: {
          bearerAuth: (request) =>
            new Promise((resolve, reject) => {
              authenticator.authenticate("jwt", { session: false }, (error: unknown, operator: unknown) => {
                if (error) reject(error);
                else if (operator) resolve(true);
                else reject(new ApiError(401, { error: "a valid bearer token is needed" }));
              })(request, {}, reject);
            }),
        },
      },
    }),
  );
  app.use(tenantRoutes(tenants));
  app.use((request, _response, next) =>
    next(new ApiError(404, { error: `no route ${request.method} ${request.path}` })),
  );
  app.use(errorAnswers(logger));
  return app;
}
