import type { RequestHandler } from "express";
import { methodsOf, type OpenApiDocument } from "./openapi-document.js";
import { RequestRefused } from "./request-failure.js";

/** The path is not there, or not with this method: then the answer names those that it takes (RFC 9110 15.5.6). */
export function unknownRoute(document: OpenApiDocument): RequestHandler {
  return (request, response, next) => {
    const methods = methodsOf(document, request.path).join(", ");
    if (methods === "") {
      next(new RequestRefused(404, `there is no ${request.method} ${request.path}; see /swaggerui`));
      return;
    }
    response.set("allow", methods);
    next(new RequestRefused(405, `this path takes ${methods}`));
  };
}
