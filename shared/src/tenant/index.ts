export {
  type IpVersion,
  isExternalId,
  LIMITS,
  type MemberType,
  type PoolMode,
  type ServerReset,
  TENANT_DEFAULTS,
  type UpstreamVerify,
  USER_DEFAULTS,
} from "./tenant.js";
