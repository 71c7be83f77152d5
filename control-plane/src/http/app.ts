import type { Logger } from "@sluice/shared/observability";
import express, { type Express } from "express";
import helmet from "helmet";
import type { Authenticate } from "../operators/index.js";
import type { TenantService } from "../tenants/index.js";
import { acceptsJson } from "./accepts-json.js";
import { contract } from "./contract.js";
import { errorAnswers } from "./error-answers.js";
import { healthRoutes } from "./health-routes.js";
import { jsonBody } from "./json-body.js";
import { readOpenApiDocument } from "./openapi-document.js";
import { operatorOnly } from "./operator-only.js";
import { requestIds } from "./request-ids.js";
import { requestLog } from "./request-log.js";
import { swaggerUi } from "./swagger-ui.js";
import { tenantRoutes } from "./tenant-routes.js";
import { unknownRoute } from "./unknown-route.js";

export interface AppParts {
  readonly tenants: TenantService;
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly databaseAnswers: () => Promise<boolean>;
  /** For tests: an answer that is not as the OpenAPI document says becomes a 500. */
  readonly checkAnswers?: boolean;
}

/** From request to answer, in this order. What stands in front of `operatorOnly` is for everyone. */
export function makeApp(parts: AppParts): Express {
  const document = readOpenApiDocument();
  const app = express();
  app.disable("x-powered-by");
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
  app.use(healthRoutes(parts.databaseAnswers));
  app.get("/api/openapi", (_request, response) => {
    response.json(document);
  });
  app.use("/swaggerui", swaggerUi(document));
  app.use("/api", operatorOnly(parts.authenticate), acceptsJson(), jsonBody());
  app.use(contract(document, { checkAnswers: parts.checkAnswers ?? false }));
  app.use(tenantRoutes(parts.tenants));
  app.use(unknownRoute());
  app.use(errorAnswers(parts.logger));
  return app;
}
