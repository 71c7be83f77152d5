import { systemClock } from "@sluice/shared/time";
import type { RequestHandler } from "express";
import { Histogram, type Registry } from "prom-client";

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long requests take, by route: a path would have a series for each tenant. */
export function requestMetrics(registry: Registry): RequestHandler {
  const durations = new Histogram({
    name: "sluice_http_request_duration_seconds",
    help: "Requests to the API, by route and status",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS_S,
    registers: [registry],
  });
  return (request, response, next) => {
    const startMs = systemClock.monotonic();
    response.once("close", () => {
      const route: unknown = request.route?.path;
      durations.observe(
        {
          method: request.method,
          route: typeof route === "string" ? route : "none",
          status: response.statusCode,
        },
        (systemClock.monotonic() - startMs) / 1000,
      );
    });
    next();
  };
}
