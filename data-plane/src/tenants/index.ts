export { admit, type Connection } from "./admission.js";
export {
  AddressNotAllowed,
  ClientCertificateRequired,
  SslRequired,
  TenantBanned,
  TooManyClients,
  TooManyFailedLogins,
  TooManySessionClients,
  TooManyUnauthenticated,
} from "./admission-failure.js";
export { type ClientLimit, clientLimitOf } from "./client-limit.js";
export type { Cluster, ClusterMember } from "./cluster.js";
export { Directory, type DirectoryListener } from "./directory.js";
export { FailureBrake } from "./failure-brake.js";
export { InvalidUserInfo, MultipleUsers, NoIdentifier, TenantNotFound } from "./identification-failure.js";
export { type Identity, identify } from "./identify.js";
export { parseTenant } from "./parse-tenant.js";
export { applyRecords, examineRecord, type RecordChange } from "./records.js";
export { sampleTenant } from "./sample-tenant.js";
export { parseStartupOptions } from "./startup-options.js";
export {
  type Ban,
  type Orders,
  type Secret,
  type Tenant,
  type TenantUser,
  terminationOrdered,
} from "./tenant.js";
export { type Arrival, UnauthenticatedClients } from "./unauthenticated-clients.js";
