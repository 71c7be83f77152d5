import type { RequestHandler } from "express";
import { RequestRefused } from "./request-failure.js";

export function unknownRoute(): RequestHandler {
  return (request, _response, next) => {
    next(new RequestRefused(404, `there is no ${request.method} ${request.path}; see /swaggerui`));
  };
}
