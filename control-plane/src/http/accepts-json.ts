import type { RequestHandler } from "express";
import { RequestRefused } from "./request-failure.js";

/** Every answer of the API is JSON; who cannot take it is told before something is changed. */
export function acceptsJson(): RequestHandler {
  return (request, _response, next) => {
    if (request.accepts("json") === false) {
      next(new RequestRefused(406, "answers are application/json, and the Accept header rules that out"));
    } else next();
  };
}
