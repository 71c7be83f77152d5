import { bundleFingerprint, type StoredTenant } from "../tenants/index.js";

/** A tenant as the API shows it: Supavisor's keys and ours; of passwords and the CA only that they are there. */
export function tenantView(tenant: StoredTenant): Record<string, unknown> {
  return {
    id: tenant.id,
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
    users: tenant.users.map((user) => ({
      db_user: user.dbUser,
      db_user_alias: user.dbUserAlias,
      db_password_set: true,
      pool_size: user.poolSize,
      is_manager: user.isManager,
      mode_type: user.modeType,
      pool_checkout_timeout: user.poolCheckoutTimeoutMs,
      max_clients: user.maxClients,
    })),
    inserted_at: tenant.insertedAt.toISOString(),
    updated_at: tenant.updatedAt.toISOString(),
  };
}
