export {
  type IpVersion,
  isExternalId,
  LIMITS,
  type PoolMode,
  TENANT_DEFAULTS,
  type UpstreamVerify,
  USER_DEFAULTS,
} from "./tenant.js";
