import type { IpVersion, PoolMode, ServerReset, UpstreamVerify } from "@sluice/shared/tenant";

/**
 * The body of a PUT under the names of the API. The OpenAPI document has accepted it: types, ranges and enumerations
 * are right, and there is no key that is not listed here. What concerns several fields, or the inside of a text, is
 * still to be checked.
 */
export interface TenantInput {
  readonly external_id?: string;
  readonly db_host?: string;
  readonly db_port?: number;
  readonly db_database?: string;
  readonly default_parameter_status?: Readonly<Record<string, string>>;
  readonly ip_version?: IpVersion;
  readonly upstream_ssl?: boolean;
  readonly upstream_verify?: UpstreamVerify | null;
  readonly upstream_tls_ca?: string | null;
  readonly upstream_tls_name?: string | null;
  readonly enforce_ssl?: boolean;
  readonly require_user?: boolean;
  readonly auth_query?: string | null;
  readonly default_pool_size?: number;
  readonly default_max_clients?: number;
  readonly sni_hostname?: string | null;
  /** ms */
  readonly client_idle_timeout?: number;
  /** s */
  readonly client_heartbeat_interval?: number;
  readonly allow_list?: readonly string[];
  readonly availability_zone?: string | null;
  readonly feature_flags?: Readonly<Record<string, boolean | number | string>>;
  readonly use_jit?: boolean;
  readonly jit_api_url?: string | null;
  readonly regions?: readonly string[] | null;
  /** ms, as all that follow */
  readonly idle_transaction_timeout?: number;
  readonly query_timeout?: number;
  readonly transaction_timeout?: number;
  readonly server_idle_timeout?: number;
  readonly server_lifetime?: number;
  readonly server_connect_timeout?: number;
  readonly min_pool_size?: number;
  readonly max_server_connections?: number;
  readonly application_name_add_host?: boolean;
  readonly server_reset?: ServerReset;
  readonly max_pinned?: number | null;
  readonly allow_md5?: boolean;
  readonly users?: readonly UserInput[];
}

export interface UserInput {
  readonly db_user: string;
  readonly db_user_alias?: string;
  readonly db_password?: string;
  readonly pool_size: number;
  readonly mode_type?: PoolMode;
  readonly is_manager?: boolean;
  /** ms */
  readonly pool_checkout_timeout?: number;
  readonly max_clients?: number | null;
}
