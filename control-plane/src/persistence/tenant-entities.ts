import { EntitySchema } from "typeorm";
import type { TenantOrders, TenantSettings, User } from "../tenants/index.js";

/** The columns of `sluice.tenants`, as the migrations make them; a test holds the two together. */
export interface TenantRow extends TenantSettings, TenantOrders {
  readonly id: string;
  readonly version: number;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}

export interface UserRow extends Omit<User, "dbPassword" | "verifier"> {
  readonly id: string;
  readonly tenantId: string;
  /** The place in the PUT's list, from 0. */
  readonly position: number;
  readonly dbPassEncrypted: Buffer;
  readonly verifierEncrypted: Buffer;
  readonly vaultKeyId: string;
}

export const TenantEntity = new EntitySchema<TenantRow>({
  name: "tenant",
  tableName: "tenants",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "tenants_pkey" },
    externalId: { name: "external_id", type: "text", collation: "C" },
    dbHost: { name: "db_host", type: "text" },
    dbPort: { name: "db_port", type: "integer" },
    dbDatabase: { name: "db_database", type: "text" },
    defaultParameterStatus: { name: "default_parameter_status", type: "jsonb" },
    ipVersion: { name: "ip_version", type: "text" },
    upstreamSsl: { name: "upstream_ssl", type: "boolean" },
    upstreamVerify: { name: "upstream_verify", type: "text", nullable: true },
    upstreamTlsCa: { name: "upstream_tls_ca", type: "text", nullable: true },
    upstreamTlsName: { name: "upstream_tls_name", type: "text", nullable: true },
    enforceSsl: { name: "enforce_ssl", type: "boolean" },
    requireUser: { name: "require_user", type: "boolean" },
    authQuery: { name: "auth_query", type: "text", nullable: true },
    defaultPoolSize: { name: "default_pool_size", type: "integer" },
    defaultMaxClients: { name: "default_max_clients", type: "integer" },
    sniHostname: { name: "sni_hostname", type: "text", nullable: true },
    clientIdleTimeoutMs: { name: "client_idle_timeout_ms", type: "integer" },
    clientHeartbeatIntervalS: { name: "client_heartbeat_interval_s", type: "integer" },
    allowList: { name: "allow_list", type: "text", array: true },
    availabilityZone: { name: "availability_zone", type: "text", nullable: true },
    featureFlags: { name: "feature_flags", type: "jsonb" },
    useJit: { name: "use_jit", type: "boolean" },
    jitApiUrl: { name: "jit_api_url", type: "text", nullable: true },
    regions: { type: "text", array: true, nullable: true },
    idleTransactionTimeoutMs: { name: "idle_transaction_timeout_ms", type: "integer" },
    queryTimeoutMs: { name: "query_timeout_ms", type: "integer" },
    transactionTimeoutMs: { name: "transaction_timeout_ms", type: "integer" },
    serverIdleTimeoutMs: { name: "server_idle_timeout_ms", type: "integer" },
    serverLifetimeMs: { name: "server_lifetime_ms", type: "integer" },
    serverConnectTimeoutMs: { name: "server_connect_timeout_ms", type: "integer" },
    minPoolSize: { name: "min_pool_size", type: "integer" },
    maxServerConnections: { name: "max_server_connections", type: "integer" },
    applicationNameAddHost: { name: "application_name_add_host", type: "boolean" },
    serverReset: { name: "server_reset", type: "text" },
    maxPinned: { name: "max_pinned", type: "integer", nullable: true },
    allowMd5: { name: "allow_md5", type: "boolean" },
    terminateSeq: { name: "terminate_seq", type: "integer" },
    pausedUntil: { name: "paused_until", type: "timestamptz", precision: 3, nullable: true },
    bansClearedAt: { name: "bans_cleared_at", type: "timestamptz", precision: 3, nullable: true },
    clearedBans: { name: "cleared_bans", type: "jsonb" },
    credentialsSeq: { name: "credentials_seq", type: "integer" },
    bannedAt: { name: "banned_at", type: "timestamptz", precision: 3, nullable: true },
    banReason: { name: "ban_reason", type: "text", nullable: true },
    bannedUntil: { name: "banned_until", type: "timestamptz", precision: 3, nullable: true },
    version: { type: "integer" },
    insertedAt: { name: "inserted_at", type: "timestamptz", precision: 3 },
    updatedAt: { name: "updated_at", type: "timestamptz", precision: 3 },
  },
  uniques: [{ name: "tenants_external_id_key", columns: ["externalId"] }],
  checks: [
    { name: "tenants_ip_version_values", expression: "ip_version IN ('auto', 'v4', 'v6')" },
    { name: "tenants_upstream_verify_values", expression: "upstream_verify IN ('none', 'peer')" },
    { name: "tenants_upstream", expression: "upstream_ssl = (upstream_verify IS NOT NULL)" },
    { name: "tenants_server_reset_values", expression: "server_reset IN ('tracked', 'always')" },
    { name: "tenants_ban", expression: "(banned_at IS NULL) = (ban_reason IS NULL)" },
    { name: "tenants_auth_query", expression: "require_user OR auth_query IS NOT NULL" },
  ],
});

export const UserEntity = new EntitySchema<UserRow>({
  name: "user",
  tableName: "users",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "users_pkey" },
    tenantId: { name: "tenant_id", type: "uuid" },
    position: { type: "integer" },
    dbUser: { name: "db_user", type: "text" },
    dbUserAlias: { name: "db_user_alias", type: "text" },
    dbPassEncrypted: { name: "db_pass_encrypted", type: "bytea" },
    verifierEncrypted: { name: "verifier_encrypted", type: "bytea" },
    vaultKeyId: { name: "vault_key_id", type: "text" },
    poolSize: { name: "pool_size", type: "integer" },
    modeType: { name: "mode_type", type: "text" },
    isManager: { name: "is_manager", type: "boolean" },
    poolCheckoutTimeoutMs: { name: "pool_checkout_timeout_ms", type: "integer" },
    maxClients: { name: "max_clients", type: "integer", nullable: true },
  },
  uniques: [{ name: "users_tenant_id_db_user_key", columns: ["tenantId", "dbUser"] }],
  checks: [{ name: "users_mode_type_values", expression: "mode_type IN ('transaction', 'session')" }],
  foreignKeys: [
    {
      name: "users_tenant_id_fkey",
      target: "tenant",
      columnNames: ["tenantId"],
      referencedColumnNames: ["id"],
      onDelete: "CASCADE",
    },
  ],
});

export const TENANT_ENTITIES = [TenantEntity, UserEntity];
