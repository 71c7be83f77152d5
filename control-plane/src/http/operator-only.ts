import type { RequestHandler, Response } from "express";
import type { Actor } from "../audit/index.js";
import type { Authenticate, Operator } from "../operators/index.js";

/** Before anything of the body is read: a stranger costs next to nothing. */
export function operatorOnly(authenticate: Authenticate): RequestHandler {
  return async (request, response, next) => {
    const operator: Operator = await authenticate(request);
    response.locals.operator = operator;
    next();
  };
}

/** Behind operatorOnly. */
export function operatorOf(response: Response): Operator {
  return response.locals.operator as Operator;
}

/** Who is named in the audit. */
export function actorOf(response: Response): Actor {
  const { subject, jti, tokenId } = operatorOf(response);
  return {
    subject: subject ?? null,
    jti: jti ?? null,
    tokenId,
    requestId: String(response.locals.requestId),
  };
}
