import { randomUUID } from "node:crypto";
import type { Logger } from "@sluice/shared/observability";
import type { RequestHandler } from "express";

const SAFE_ID = /^[A-Za-z0-9._-]{1,100}$/;

/** Gives every request an id, the caller's own where it is safe, and writes one line when it is answered. */
export function requestLog(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.header("x-request-id");
    const requestId = given !== undefined && SAFE_ID.test(given) ? given : randomUUID();
    response.locals["requestId"] = requestId;
    response.setHeader("x-request-id", requestId);
    const startMs = performance.now();
    response.on("finish", () => {
      logger.info("request", {
        requestId,
        method: request.method,
        path: request.path,
        status: response.statusCode,
        durationMs: Math.round(performance.now() - startMs),
        peer: request.socket.remoteAddress,
      });
    });
    next();
  };
}
