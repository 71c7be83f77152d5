import type { RequestHandler } from "express";
import swagger from "swagger-ui-express";
import type { OpenApiDocument } from "./openapi-document.js";

/** The API to look at and to try; a token that was entered stays in that browser. */
export function swaggerUi(document: OpenApiDocument): RequestHandler[] {
  return [
    ...swagger.serve,
    swagger.setup(document, {
      customSiteTitle: "Sluice API",
      swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true },
    }),
  ];
}
