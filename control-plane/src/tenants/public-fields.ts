import { bundleFingerprint } from "./certificate-bundle.js";
import { passwordFingerprint } from "./password-fingerprint.js";
import type { Tenant, User } from "./tenant.js";

/** A tenant under the names of the API: Supavisor's keys and ours; of passwords and the CA only that they are there. */
export function publicFields(tenant: Tenant): Readonly<Record<string, unknown>> {
  return {
    external_id: tenant.externalId,
    db_host: tenant.dbHost,
    db_port: tenant.dbPort,
    db_database: tenant.dbDatabase,
    default_parameter_status: tenant.defaultParameterStatus,
    ip_version: tenant.ipVersion,
    upstream_ssl: tenant.upstreamSsl,
    upstream_verify: tenant.upstreamVerify,
    upstream_tls_ca_fingerprint:
      tenant.upstreamTlsCa === null ? null : bundleFingerprint(tenant.upstreamTlsCa),
    upstream_tls_name: tenant.upstreamTlsName,
    enforce_ssl: tenant.enforceSsl,
    require_user: tenant.requireUser,
    auth_query: tenant.authQuery,
    default_pool_size: tenant.defaultPoolSize,
    sni_hostname: tenant.sniHostname,
    default_max_clients: tenant.defaultMaxClients,
    client_idle_timeout: tenant.clientIdleTimeoutMs,
    client_heartbeat_interval: tenant.clientHeartbeatIntervalS,
    allow_list: tenant.allowList,
    availability_zone: tenant.availabilityZone,
    feature_flags: tenant.featureFlags,
    use_jit: tenant.useJit,
    jit_api_url: tenant.jitApiUrl,
    regions: tenant.regions,
    idle_transaction_timeout: tenant.idleTransactionTimeoutMs,
    query_timeout: tenant.queryTimeoutMs,
    transaction_timeout: tenant.transactionTimeoutMs,
    server_idle_timeout: tenant.serverIdleTimeoutMs,
    server_lifetime: tenant.serverLifetimeMs,
    server_connect_timeout: tenant.serverConnectTimeoutMs,
    min_pool_size: tenant.minPoolSize,
    max_server_connections: tenant.maxServerConnections,
    application_name_add_host: tenant.applicationNameAddHost,
    server_reset: tenant.serverReset,
    max_pinned: tenant.maxPinned,
    allow_md5: tenant.allowMd5,
    banned_at: tenant.bannedAt?.toISOString() ?? null,
    ban_reason: tenant.banReason,
    banned_until: tenant.bannedUntil?.toISOString() ?? null,
    paused_until: tenant.pausedUntil?.toISOString() ?? null,
    users: tenant.users.map(shownUser),
  };
}

/** A user as the API shows it. */
export function shownUser(user: User): Readonly<Record<string, unknown>> {
  return { ...publicUser(user), db_password_fingerprint: passwordFingerprint(user.verifier) };
}

/** What of a user can be compared. */
export function publicUser(user: User): Readonly<Record<string, unknown>> {
  return {
    db_user: user.dbUser,
    db_user_alias: user.dbUserAlias,
    db_password_set: true,
    pool_size: user.poolSize,
    is_manager: user.isManager,
    mode_type: user.modeType,
    pool_checkout_timeout: user.poolCheckoutTimeoutMs,
    max_clients: user.maxClients,
  };
}
