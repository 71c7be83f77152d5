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
export { parseStartupOptions } from "./startup-options.js";
export type { Secret, Tenant, TenantUser } from "./tenant.js";
