export { type DialOptions, dial, type ServerSocket } from "./dial.js";
export { sameUpstream, type Upstream } from "./upstream.js";
export { UpstreamUnreachable } from "./upstream-unreachable.js";
