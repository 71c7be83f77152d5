export { type Caller, mintDataPlaneToken, TokenRefused, verifyDataPlaneToken } from "./data-plane-token.js";
export type { Acked, InstanceStatus, Nacked } from "./instances.js";
export type { KnownKeys } from "./known-keys.js";
export type { StreamLimits } from "./limits.js";
export { type StreamServer, type StreamServerOptions, startStreamServer } from "./stream-server.js";
