import { createCipheriv, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";

/** The metadata schema as Supavisor's migrations leave it (last version 20260323000000). */
const SCHEMA = `
  CREATE SCHEMA _supavisor;
  CREATE TABLE _supavisor.tenants (
    id uuid PRIMARY KEY, external_id varchar(255) NOT NULL UNIQUE, db_host varchar(255) NOT NULL,
    db_port int NOT NULL, db_database varchar(255) NOT NULL, default_parameter_status jsonb NOT NULL,
    ip_version varchar(255) NOT NULL DEFAULT 'auto' CHECK (ip_version IN ('auto', 'v4', 'v6')),
    upstream_ssl bool NOT NULL DEFAULT false, upstream_verify varchar(255) CHECK (upstream_verify IN ('none', 'peer')),
    upstream_tls_ca bytea, enforce_ssl bool NOT NULL DEFAULT false, require_user bool NOT NULL DEFAULT true,
    auth_query varchar(255), default_pool_size int NOT NULL DEFAULT 15, sni_hostname varchar(255),
    default_max_clients int NOT NULL DEFAULT 1000, client_idle_timeout int NOT NULL DEFAULT 0,
    default_pool_strategy varchar(255) NOT NULL DEFAULT 'fifo' CHECK (default_pool_strategy IN ('fifo', 'lifo')),
    client_heartbeat_interval int NOT NULL DEFAULT 60, allow_list varchar(255)[] NOT NULL,
    availability_zone varchar(255), use_jit bool DEFAULT false, jit_api_url varchar(255),
    feature_flags jsonb DEFAULT '{}', banned_at timestamp(0), banned_until timestamp(0), ban_reason varchar(255),
    inserted_at timestamp(0) NOT NULL DEFAULT now(), updated_at timestamp(0) NOT NULL DEFAULT now(),
    CHECK ((upstream_ssl = false AND upstream_verify IS NULL) OR (upstream_ssl AND upstream_verify IS NOT NULL)),
    CHECK (require_user OR auth_query IS NOT NULL));
  CREATE TABLE _supavisor.users (
    id uuid PRIMARY KEY, db_user_alias varchar(255) NOT NULL, db_user varchar(255) NOT NULL,
    db_pass_encrypted bytea NOT NULL, pool_size int NOT NULL, mode_type varchar(255) NOT NULL,
    is_manager bool NOT NULL DEFAULT false,
    tenant_external_id varchar(255) REFERENCES _supavisor.tenants (external_id) ON DELETE CASCADE,
    pool_checkout_timeout int NOT NULL DEFAULT 60000, max_clients int,
    inserted_at timestamp(0) NOT NULL DEFAULT now(), updated_at timestamp(0) NOT NULL DEFAULT now(),
    UNIQUE (db_user_alias, tenant_external_id, mode_type));
  CREATE TABLE _supavisor.clusters (
    id uuid PRIMARY KEY, active bool NOT NULL DEFAULT false, alias varchar(255) UNIQUE,
    inserted_at timestamp(0) NOT NULL DEFAULT now(), updated_at timestamp(0) NOT NULL DEFAULT now());
  CREATE TABLE _supavisor.cluster_tenants (
    id uuid PRIMARY KEY, type varchar(255) CHECK (type IN ('read', 'write')), active bool NOT NULL DEFAULT false,
    cluster_alias varchar(255) REFERENCES _supavisor.clusters (alias) ON DELETE CASCADE,
    tenant_external_id varchar(255) UNIQUE REFERENCES _supavisor.tenants (external_id),
    inserted_at timestamp(0) NOT NULL DEFAULT now(), updated_at timestamp(0) NOT NULL DEFAULT now());`;

type Columns = Readonly<Record<string, unknown>>;

/** A database as a Supavisor in use has it. */
export class SupavisorDatabase {
  readonly #client: pg.Client;
  readonly #key: Buffer;

  private constructor(client: pg.Client, vaultKey: string) {
    this.#client = client;
    this.#key = Buffer.from(vaultKey);
  }

  static async make(url: string, vaultKey: string): Promise<SupavisorDatabase> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(SCHEMA);
    return new SupavisorDatabase(client, vaultKey);
  }

  end(): Promise<void> {
    return this.#client.end();
  }

  tenant(externalId: string, columns: Columns): Promise<void> {
    return this.#insert("tenants", {
      external_id: externalId,
      db_host: "db.example.com",
      db_port: 5432,
      db_database: "app",
      default_parameter_status: { server_version: "15.1" },
      allow_list: ["0.0.0.0/0", "::/0"],
      ...columns,
    });
  }

  user(tenant: string, name: string, password: string, columns: Columns): Promise<void> {
    return this.#insert("users", {
      tenant_external_id: tenant,
      db_user: name,
      db_user_alias: name,
      db_pass_encrypted: this.#seal(password),
      pool_size: 10,
      mode_type: "transaction",
      ...columns,
    });
  }

  cluster(alias: string, columns: Columns): Promise<void> {
    return this.#insert("clusters", { alias, ...columns });
  }

  member(alias: string, tenant: string, columns: Columns): Promise<void> {
    return this.#insert("cluster_tenants", { cluster_alias: alias, tenant_external_id: tenant, ...columns });
  }

  async #insert(table: string, columns: Columns): Promise<void> {
    const names = ["id", ...Object.keys(columns)];
    const places = names.map((_, index) => `$${index + 1}`);
    await this.#client.query(
      `INSERT INTO _supavisor.${table} (${names.join(", ")}) VALUES (${places.join(", ")})`,
      [randomUUID(), ...Object.values(columns)],
    );
  }

  /** Cloak's layout, by hand: it is Supavisor's word, not ours. */
  #seal(password: string): Buffer {
    const iv = randomBytes(16);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    cipher.setAAD(Buffer.from("AES256GCM"));
    const sealed = Buffer.concat([cipher.update(password, "utf8"), cipher.final()]);
    return Buffer.concat([Buffer.from("\x01\x0aAES.GCM.V1", "latin1"), iv, cipher.getAuthTag(), sealed]);
  }
}
