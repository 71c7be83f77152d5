export type { StoredTenant, Tenant, TenantSettings, User } from "./tenant.js";
export { type FieldProblems, TenantInvalid, TenantUnknown } from "./tenant-failure.js";
export type { TenantInput } from "./tenant-input.js";
export { TenantService } from "./tenant-service.js";
export type { TenantStore } from "./tenant-store.js";
