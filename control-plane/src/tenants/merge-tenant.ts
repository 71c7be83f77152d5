import { TENANT_DEFAULTS, type UpstreamVerify, USER_DEFAULTS } from "@sluice/shared/tenant";
import { checkTenant } from "./check-tenant.js";
import { checkTexts } from "./check-texts.js";
import { Problems } from "./problems.js";
import type { Tenant, TenantSettings, User } from "./tenant.js";
import type { TenantInput, UserInput } from "./tenant-input.js";

/** A user as it will be stored, but for secrets that have still to be made or kept. */
export interface WantedUser extends Omit<User, "verifier" | "dbPassword"> {
  /** Undefined: the stored one stays. */
  readonly dbPassword: string | undefined;
}

export interface WantedTenant extends TenantSettings {
  /** Undefined: the key was absent, the stored ones stay. */
  readonly users: readonly WantedUser[] | undefined;
}

/** What stands in when a key that must be there is not; checkTenant never lets it through. */
const MISSING_TEXT = "";
const MISSING_PORT = 0;

/**
 * The tenant that a PUT wants: absent keys keep what is stored, or take their default; `users` is replaced as a whole.
 * @throws TenantInvalid with everything that is wrong, by field.
 */
export function mergeTenant(
  externalId: string,
  input: TenantInput,
  stored: Tenant | undefined,
  nowMs: number,
): WantedTenant {
  const problems = new Problems();
  checkTexts(input, "", problems);
  if (input.external_id !== undefined && input.external_id !== externalId) {
    problems.add("external_id", `must be ${JSON.stringify(externalId)}, as in the path, or left out`);
  }
  const upstreamSsl = input.upstream_ssl ?? stored?.upstreamSsl ?? TENANT_DEFAULTS.upstreamSsl;
  const settings: TenantSettings = {
    externalId,
    dbHost: input.db_host ?? stored?.dbHost ?? MISSING_TEXT,
    dbPort: input.db_port ?? stored?.dbPort ?? MISSING_PORT,
    dbDatabase: input.db_database ?? stored?.dbDatabase ?? MISSING_TEXT,
    defaultParameterStatus: input.default_parameter_status ?? stored?.defaultParameterStatus ?? {},
    ipVersion: input.ip_version ?? stored?.ipVersion ?? TENANT_DEFAULTS.ipVersion,
    upstreamSsl,
    upstreamVerify: upstreamVerify(upstreamSsl, input, stored),
    upstreamTlsCa: blankAsNull(given(input.upstream_tls_ca, stored?.upstreamTlsCa)),
    upstreamTlsName: blankAsNull(given(input.upstream_tls_name, stored?.upstreamTlsName)),
    enforceSsl: input.enforce_ssl ?? stored?.enforceSsl ?? TENANT_DEFAULTS.enforceSsl,
    requireUser: input.require_user ?? stored?.requireUser ?? TENANT_DEFAULTS.requireUser,
    authQuery: blankAsNull(given(input.auth_query, stored?.authQuery)),
    defaultPoolSize: input.default_pool_size ?? stored?.defaultPoolSize ?? TENANT_DEFAULTS.defaultPoolSize,
    defaultMaxClients:
      input.default_max_clients ?? stored?.defaultMaxClients ?? TENANT_DEFAULTS.defaultMaxClients,
    sniHostname: blankAsNull(given(input.sni_hostname, stored?.sniHostname)),
    clientIdleTimeoutMs:
      input.client_idle_timeout ?? stored?.clientIdleTimeoutMs ?? TENANT_DEFAULTS.clientIdleTimeoutMs,
    clientHeartbeatIntervalS:
      input.client_heartbeat_interval ??
      stored?.clientHeartbeatIntervalS ??
      TENANT_DEFAULTS.clientHeartbeatIntervalS,
    allowList: input.allow_list ?? stored?.allowList ?? TENANT_DEFAULTS.allowList,
    availabilityZone: blankAsNull(given(input.availability_zone, stored?.availabilityZone)),
    featureFlags: input.feature_flags ?? stored?.featureFlags ?? {},
    useJit: input.use_jit ?? stored?.useJit ?? TENANT_DEFAULTS.useJit,
    jitApiUrl: blankAsNull(given(input.jit_api_url, stored?.jitApiUrl)),
    regions: given(input.regions, stored?.regions),
    ...timeouts(input, stored),
    minPoolSize: input.min_pool_size ?? stored?.minPoolSize ?? TENANT_DEFAULTS.minPoolSize,
    maxServerConnections:
      input.max_server_connections ?? stored?.maxServerConnections ?? TENANT_DEFAULTS.maxServerConnections,
    applicationNameAddHost:
      input.application_name_add_host ??
      stored?.applicationNameAddHost ??
      TENANT_DEFAULTS.applicationNameAddHost,
    serverReset: input.server_reset ?? stored?.serverReset ?? TENANT_DEFAULTS.serverReset,
    maxPinned: given(input.max_pinned, stored?.maxPinned),
    allowMd5: input.allow_md5 ?? stored?.allowMd5 ?? TENANT_DEFAULTS.allowMd5,
  };
  const users = input.users?.map(wantedUser);
  checkTenant({ ...settings, users }, stored, nowMs, problems);
  problems.throwIfAny();
  return { ...settings, users };
}

type Timeouts = Pick<
  TenantSettings,
  | "idleTransactionTimeoutMs"
  | "queryTimeoutMs"
  | "transactionTimeoutMs"
  | "serverIdleTimeoutMs"
  | "serverLifetimeMs"
  | "serverConnectTimeoutMs"
>;

function timeouts(input: TenantInput, stored: Tenant | undefined): Timeouts {
  const before: Timeouts = stored ?? TENANT_DEFAULTS;
  return {
    idleTransactionTimeoutMs: input.idle_transaction_timeout ?? before.idleTransactionTimeoutMs,
    queryTimeoutMs: input.query_timeout ?? before.queryTimeoutMs,
    transactionTimeoutMs: input.transaction_timeout ?? before.transactionTimeoutMs,
    serverIdleTimeoutMs: input.server_idle_timeout ?? before.serverIdleTimeoutMs,
    serverLifetimeMs: input.server_lifetime ?? before.serverLifetimeMs,
    serverConnectTimeoutMs: input.server_connect_timeout ?? before.serverConnectTimeoutMs,
  };
}

function wantedUser(user: UserInput): WantedUser {
  return {
    dbUser: user.db_user,
    dbUserAlias: user.db_user_alias ?? user.db_user,
    dbPassword: user.db_password,
    poolSize: user.pool_size,
    modeType: user.mode_type ?? "transaction",
    isManager: user.is_manager ?? USER_DEFAULTS.isManager,
    poolCheckoutTimeoutMs: user.pool_checkout_timeout ?? USER_DEFAULTS.poolCheckoutTimeoutMs,
    maxClients: user.max_clients ?? null,
  };
}

/** Turning TLS off takes "none" with it; "peer" stays, and is then refused: nobody drops it without saying so. */
function upstreamVerify(
  upstreamSsl: boolean,
  input: TenantInput,
  stored: Tenant | undefined,
): UpstreamVerify | null {
  const verify = given(input.upstream_verify, stored?.upstreamVerify);
  if (upstreamSsl) return verify ?? "none";
  return input.upstream_verify === undefined && verify === "none" ? null : verify;
}

/** Of a key whose `null` means: none. */
function given<T>(value: T | null | undefined, stored: T | null | undefined): T | null {
  return value === undefined ? (stored ?? null) : value;
}

function blankAsNull(text: string | null): string | null {
  return text === "" ? null : text;
}
