export { type Caller, mintDataPlaneToken, TokenRefused, verifyDataPlaneToken } from "./data-plane-token.js";
export { type StreamServerOptions, startStreamServer } from "./stream-server.js";
