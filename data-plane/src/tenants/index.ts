export { AddressRanges } from "./address-ranges.js";
export type { Cluster, ClusterMember } from "./cluster.js";
export { Directory, type DirectoryListener } from "./directory.js";
export {
  InvalidUserInfo,
  NoIdentifier,
  SslRequired,
  TenantNotFound,
  TooManyClients,
} from "./identification-failure.js";
export { type Identity, identify } from "./identify.js";
export { parseTenant } from "./parse-tenant.js";
export { applyRecords, examineRecord, type RecordChange } from "./records.js";
export { sampleTenant } from "./sample-tenant.js";
export { parseStartupOptions } from "./startup-options.js";
export type { Ban, Orders, Secret, Tenant, TenantUser } from "./tenant.js";
