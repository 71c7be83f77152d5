export { ApiNotUnderstood, ApiRefused, ApiUnreachable } from "./api-failure.js";
export { type DataPlaneRecord, holdsGeneration, type ProgressRecord } from "./fleet.js";
export { httpCaller } from "./http-call.js";
export { clusterPath, tenantPath, userPath } from "./paths.js";
export { type Pooler, type PoolerLogin, poolerUri } from "./pooler.js";
export type { ClusterRecord, DryRunRecord, TenantRecord, UserRecord } from "./records.js";
export { Sluice } from "./sluice.js";
export type { Condition, Stored, Things } from "./things.js";
export { type RequestOver, watchedCall } from "./watched-call.js";
