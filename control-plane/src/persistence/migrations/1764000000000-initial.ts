import type { MigrationInterface, QueryRunner } from "typeorm";

const UP = [
  `CREATE TABLE sluice.tenants (
    id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    db_host text NOT NULL,
    db_port integer NOT NULL,
    db_database text NOT NULL,
    default_parameter_status jsonb NOT NULL,
    ip_version text NOT NULL,
    upstream_ssl boolean NOT NULL,
    upstream_verify text,
    upstream_tls_ca text,
    upstream_tls_name text,
    enforce_ssl boolean NOT NULL,
    require_user boolean NOT NULL,
    auth_query text,
    default_pool_size integer NOT NULL,
    default_max_clients integer NOT NULL,
    sni_hostname text,
    client_idle_timeout_ms integer NOT NULL,
    client_heartbeat_interval_s integer NOT NULL,
    allow_list text[] NOT NULL,
    availability_zone text,
    feature_flags jsonb NOT NULL,
    use_jit boolean NOT NULL,
    jit_api_url text,
    inserted_at timestamp(3) with time zone NOT NULL,
    updated_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_external_id_key UNIQUE (external_id),
    CONSTRAINT tenants_ip_version_values CHECK (ip_version IN ('auto', 'v4', 'v6')),
    CONSTRAINT tenants_upstream_verify_values CHECK (upstream_verify IN ('none', 'peer')),
    CONSTRAINT tenants_upstream CHECK (upstream_ssl = (upstream_verify IS NOT NULL)),
    CONSTRAINT tenants_auth_query CHECK (require_user OR auth_query IS NOT NULL))`,
  `CREATE TABLE sluice.users (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    "position" integer NOT NULL,
    db_user text NOT NULL,
    db_user_alias text NOT NULL,
    db_pass_encrypted bytea NOT NULL,
    verifier_encrypted bytea NOT NULL,
    vault_key_id text NOT NULL,
    pool_size integer NOT NULL,
    mode_type text NOT NULL,
    is_manager boolean NOT NULL,
    pool_checkout_timeout_ms integer NOT NULL,
    max_clients integer,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_tenant_id_db_user_key UNIQUE (tenant_id, db_user),
    CONSTRAINT users_mode_type_values CHECK (mode_type IN ('transaction', 'session')),
    CONSTRAINT users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES sluice.tenants (id) ON DELETE CASCADE)`,
  `CREATE TABLE sluice.fleet (
    id boolean NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT fleet_pkey PRIMARY KEY (id),
    CONSTRAINT fleet_one_row CHECK (id))`,
  "INSERT INTO sluice.fleet (id, generation) VALUES (true, 0)",
  `CREATE TABLE sluice.scopes (
    scope text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    data_key_id text NOT NULL,
    data_key_encrypted bytea NOT NULL,
    vault_key_id text NOT NULL,
    CONSTRAINT scopes_pkey PRIMARY KEY (scope))`,
  `CREATE TABLE sluice.records (
    scope text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    created_generation bigint NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT records_pkey PRIMARY KEY (scope, id),
    CONSTRAINT records_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
  `CREATE TABLE sluice.removals (
    scope text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_generation bigint NOT NULL,
    CONSTRAINT removals_pkey PRIMARY KEY (scope, generation, id),
    CONSTRAINT removals_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
  `CREATE TABLE sluice.published_states (
    scope text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    generation bigint NOT NULL,
    state_root bytea NOT NULL,
    record_count integer NOT NULL,
    chunk_hashes bytea[],
    published_at timestamp(3) with time zone NOT NULL,
    CONSTRAINT published_states_pkey PRIMARY KEY (scope, epoch, generation),
    CONSTRAINT published_states_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
  `CREATE TABLE sluice.snapshots (
    scope text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    generation bigint NOT NULL,
    replaces bigint NOT NULL,
    envelope bytea NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (scope, epoch, generation, replaces),
    CONSTRAINT snapshots_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
  `CREATE TABLE sluice.chunks (
    scope text COLLATE "C" NOT NULL,
    sha256 bytea NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT chunks_pkey PRIMARY KEY (scope, sha256),
    CONSTRAINT chunks_scope_fkey FOREIGN KEY (scope) REFERENCES sluice.scopes (scope) ON DELETE CASCADE)`,
];

/** Those that name others first. */
const TABLES = [
  "chunks",
  "snapshots",
  "published_states",
  "removals",
  "records",
  "scopes",
  "fleet",
  "users",
  "tenants",
];

export class Initial1764000000000 implements MigrationInterface {
  readonly name = "Initial1764000000000";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`DROP TABLE sluice.${table}`);
  }
}
