export { admit, banInForce, type Connection, type LoginBrake } from "./admission.js";
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
export { type AddressBan, FailureBrake } from "./failure-brake.js";
export { anyOrder, type GivenOrders, givenOrders, terminationOrdered } from "./given-orders.js";
export { InvalidUserInfo, MultipleUsers, NoIdentifier, TenantNotFound } from "./identification-failure.js";
export { type Identity, identify } from "./identify.js";
export { parseTenant } from "./parse-tenant.js";
export { examineRecord, keepRecords, type RecordChange } from "./records.js";
export { isUserRemoved } from "./removed-user.js";
export { SampleDirectory } from "./sample-directory.js";
export { sampleTenant } from "./sample-tenant.js";
export { parseStartupOptions } from "./startup-options.js";
export type {
  Ban,
  Orders,
  Secret,
  Tenant,
  TenantUser,
} from "./tenant.js";
export { type Arrival, UnauthenticatedClients } from "./unauthenticated-clients.js";
