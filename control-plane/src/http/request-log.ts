import type { Logger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import type { RequestHandler } from "express";
import type { Operator } from "../operators/index.js";

const LONGEST_PATH = 300;

/** One line a request, without query, headers and body: they may hold secrets. */
export function requestLog(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const startMs = systemClock.monotonic();
    // Taken now: routers shorten request.url while they handle it.
    const path = request.path.slice(0, LONGEST_PATH);
    const address = request.ip;
    response.once("close", () => {
      const operator: Operator | undefined = response.locals.operator;
      logger.info("request", {
        requestId: response.locals.requestId,
        method: request.method,
        path,
        status: response.statusCode,
        ms: Math.round(systemClock.monotonic() - startMs),
        address,
        ...(operator === undefined ? {} : { operator: operator.tokenId, subject: operator.subject }),
        ...(response.locals.traceId === undefined ? {} : { traceId: response.locals.traceId }),
        ...(response.writableFinished ? {} : { aborted: true }),
      });
    });
    next();
  };
}
