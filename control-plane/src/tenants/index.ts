export { bundleFingerprint } from "./certificate-bundle.js";
export { parseCidr } from "./cidr.js";
export type { ClearedBan, StoredTenant, Tenant, TenantOrders, TenantSettings, User } from "./tenant.js";
export { type FieldProblems, TenantInvalid, TenantUnknown } from "./tenant-failure.js";
export type { TenantInput, UserInput } from "./tenant-input.js";
export { type TenantPage, TenantService } from "./tenant-service.js";
export type { TenantChange, TenantStore } from "./tenant-store.js";
