export { type AppParts, makeApp } from "./app.js";
export type { HealthCheck } from "./health-routes.js";
export { type HttpServer, startHttpServer } from "./http-server.js";
export type { RateLimits } from "./rate-limits.js";
export { RequestRefused } from "./request-failure.js";
