export { bundleFingerprint } from "./certificate-bundle.js";
export { checkTexts } from "./check-texts.js";
export { parseCidr } from "./cidr.js";
export {
  type DataPlaneResult,
  type DataPlanes,
  type NetworkBan,
  type PublishedOrder,
  type Settlement,
  silentDataPlanes,
} from "./data-planes.js";
export { type BanInput, type OrderResult, OrderService } from "./order-service.js";
export {
  checkPrecondition,
  entityTag,
  type Precondition,
  PreconditionFailed,
  type Versioned,
} from "./precondition.js";
export { Problems } from "./problems.js";
export { publicFields, shownUser } from "./public-fields.js";
export type { ClearedBan, StoredTenant, Tenant, TenantOrders, TenantSettings, User } from "./tenant.js";
export { tenantDifference } from "./tenant-difference.js";
export {
  CredentialsNotStored,
  type FieldProblems,
  NetworkBansTenantUnknown,
  TenantInCluster,
  TenantInvalid,
  TenantUnknown,
  UserUnknown,
} from "./tenant-failure.js";
export type { TenantInput, UserInput } from "./tenant-input.js";
export { type ChangeRequest, type TenantPage, type TenantPreview, TenantService } from "./tenant-service.js";
export type { TenantAction, TenantChange, TenantFilter, TenantStore, WantedChange } from "./tenant-store.js";
export type { UserPatch } from "./user-input.js";
export { type UserChange, UserService } from "./user-service.js";
