export { type OperationsOptions, type Readiness, startOperations } from "./operations-server.js";
export { type PlaneMetricsOptions, planeMetrics } from "./plane-metrics.js";
export { reportedMetrics } from "./reported-metrics.js";
