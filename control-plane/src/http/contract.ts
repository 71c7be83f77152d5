import type { RequestHandler } from "express";
import * as OpenApiValidator from "express-openapi-validator";
import { momentOf } from "./moment.js";
import type { OpenApiDocument } from "./openapi-document.js";

/** Served in front of it, or not described by the document. */
const NOT_DESCRIBED = /^\/(swaggerui|livez|readyz|metrics|api\/(openapi|health))(\/|$)/;

/** Requests that are not as the OpenAPI document says end here. */
export function contract(
  document: OpenApiDocument,
  { checkAnswers }: { readonly checkAnswers: boolean },
): RequestHandler[] {
  return OpenApiValidator.middleware({
    apiSpec: document as unknown as Parameters<typeof OpenApiValidator.middleware>[0]["apiSpec"] & object,
    validateRequests: { allErrors: true, removeAdditional: false, coerceTypes: false },
    validateResponses: checkAnswers,
    // The library's own takes days that there are not.
    formats: { "date-time": (text: string) => momentOf(text) !== undefined },
    // operatorOnly has done it, before a body was read.
    validateSecurity: false,
    ignorePaths: NOT_DESCRIBED,
  }) as RequestHandler[];
}
