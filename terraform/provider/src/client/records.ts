/** What the API shows; only what is read here. See the control plane's openapi.yaml. */
export interface TenantRecord {
  readonly id: string;
  readonly external_id: string;
  readonly db_database: string;
  readonly require_user: boolean;
  readonly regions: readonly string[] | null;
  readonly upstream_tls_ca_fingerprint: string | null;
  readonly banned_at: string | null;
  readonly ban_reason: string | null;
  readonly banned_until: string | null;
  readonly users: readonly UserRecord[];
  readonly inserted_at: string;
  readonly updated_at: string;
  /** The settings that are passed through by name. */
  readonly [setting: string]: unknown;
}

export interface UserRecord {
  readonly db_user: string;
  readonly db_user_alias: string;
  readonly pool_size: number;
  readonly is_manager: boolean;
  readonly mode_type: string;
  readonly pool_checkout_timeout: number;
  readonly max_clients: number | null;
  /** Another one once another password was written. Undefined: an older control plane. */
  readonly db_password_fingerprint?: string;
}

export interface ClusterRecord {
  readonly id: string;
  readonly alias: string;
  readonly active: boolean;
  readonly cluster_tenants: readonly MemberRecord[];
  readonly inserted_at: string;
  readonly updated_at: string;
}

export interface MemberRecord {
  readonly tenant_external_id: string;
  readonly type: string;
  readonly active: boolean;
}

export interface DryRunRecord {
  readonly outcome: "created" | "updated" | "unchanged";
  /** By field; a secret shows only that it would be changed. */
  readonly difference: Readonly<Record<string, unknown>>;
}
