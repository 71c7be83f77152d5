import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";

/** What may stand in a log line as it came. */
const SAFE = /^[A-Za-z0-9._-]{1,100}$/;

/** Every request has an id, the caller's own where it is safe; it is in the answer and in the log. */
export function requestIds(): RequestHandler {
  return (request, response, next) => {
    const given = request.get("x-request-id");
    const requestId = given !== undefined && SAFE.test(given) ? given : randomUUID();
    response.locals.requestId = requestId;
    response.set("x-request-id", requestId);
    next();
  };
}
