import type { RequestHandler } from "express";
import type { Authenticate, Operator } from "../operators/index.js";

/** Before anything of the body is read: a stranger costs next to nothing. */
export function operatorOnly(authenticate: Authenticate): RequestHandler {
  return async (request, response, next) => {
    const operator: Operator = await authenticate(request);
    response.locals.operator = operator;
    next();
  };
}
