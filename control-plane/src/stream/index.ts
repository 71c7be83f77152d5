export type { TlsPair } from "./certificate-watch.js";
export type { StreamEvents } from "./config-service.js";
export { type Caller, mintDataPlaneToken, TokenRefused, verifyDataPlaneToken } from "./data-plane-token.js";
export type { Ledger } from "./instances.js";
export { STREAM_LIMITS, type StreamLimits } from "./limits.js";
export { StreamMetrics } from "./stream-metrics.js";
export { type StreamServer, type StreamServerOptions, startStreamServer } from "./stream-server.js";
