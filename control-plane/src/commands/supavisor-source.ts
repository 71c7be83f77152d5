import { X509Certificate } from "node:crypto";
import pg from "pg";
import { Vault } from "../persistence/index.js";

const TIMEOUT_MS = 30_000;
const SCHEMA = "_supavisor";

type Row = Readonly<Record<string, unknown>>;

/** A tenant of Supavisor's database as a PUT would give it to our API. */
export interface FoundTenant {
  readonly externalId: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly ban: { readonly reason: string; readonly until: string | null } | undefined;
  /** What could not be taken as it is. */
  readonly notes: readonly string[];
}

export interface FoundCluster {
  readonly alias: string;
  readonly input: { readonly active: boolean; readonly cluster_tenants: readonly Row[] };
}

export interface Found {
  readonly tenants: readonly FoundTenant[];
  readonly clusters: readonly FoundCluster[];
}

/** Columns that are fields of the API under the same name. */
const FIELDS = [
  ...["db_host", "db_port", "db_database", "ip_version", "upstream_ssl", "upstream_verify", "enforce_ssl"],
  ...["require_user", "auth_query", "default_pool_size", "sni_hostname", "default_max_clients"],
  ...["client_idle_timeout", "client_heartbeat_interval", "allow_list", "availability_zone", "use_jit"],
  ...["jit_api_url", "feature_flags"],
];

/** Reads a metadata database of Supavisor, in one transaction that changes nothing. */
export async function readSupavisor(url: string, vaultKey: string): Promise<Found> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "sluice_import",
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  await client.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const rows = async (table: string, order: string): Promise<readonly Row[]> =>
      (await client.query(`SELECT * FROM ${SCHEMA}.${table} ORDER BY ${order}`)).rows;
    const tenants = (
      await client.query(
        `SELECT *, banned_at IS NOT NULL AND (banned_until IS NULL OR banned_until >= now() AT TIME ZONE 'UTC')
           AS is_banned, to_char(banned_until, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS banned_until_text
         FROM ${SCHEMA}.tenants ORDER BY external_id`,
      )
    ).rows;
    const users = groupedBy(
      await rows("users", "inserted_at, db_user, mode_type DESC, db_user_alias"),
      "tenant_external_id",
    );
    const members = groupedBy(
      await rows("cluster_tenants", "inserted_at, type DESC, tenant_external_id"),
      "cluster_alias",
    );
    const clusters = await rows("clusters", "alias");
    const vault = new Vault(vaultKey);
    return {
      tenants: tenants.map((row) => tenantOf(row, users.get(String(row.external_id)) ?? [], vault)),
      clusters: clusters.map((row) => clusterOf(row, members.get(String(row.alias)) ?? [])),
    };
  } finally {
    await client.end();
  }
}

function tenantOf(row: Row, users: readonly Row[], vault: Vault): FoundTenant {
  const notes: string[] = [];
  const input: Record<string, unknown> = {};
  // An older schema may lack some columns.
  for (const field of FIELDS) if (row[field] !== undefined) input[field] = row[field] ?? null;
  for (const [field, value] of Object.entries(input)) {
    if (value === null && ["use_jit", "feature_flags"].includes(field)) delete input[field];
  }
  input.default_parameter_status = textsOf(row.default_parameter_status, notes);
  input.upstream_tls_ca = pemOf(row.upstream_tls_ca, notes);
  input.users = usersOf(users, vault, notes);
  if (row.default_pool_strategy === "lifo") notes.push("default_pool_strategy lifo is not known here");
  return {
    externalId: String(row.external_id),
    input,
    ban:
      row.is_banned === true
        ? { reason: String(row.ban_reason ?? "banned"), until: textOrNull(row.banned_until_text) }
        : undefined,
    notes,
  };
}

/**
 * Supavisor has a row for each mode of a user, and for each alias, which is what clients there log in with; here a user has
 * one, the port decides the mode, and clients log in as `db_user`.
 */
function usersOf(rows: readonly Row[], vault: Vault, notes: string[]): Row[] {
  const byName = new Map<string, Row>();
  for (const row of rows) {
    const name = String(row.db_user);
    const alias = String(row.db_user_alias ?? name);
    const first = byName.get(name);
    if (first !== undefined) {
      notes.push(
        alias === first.db_user_alias
          ? `user ${name} is there more than once; the first row is taken`
          : `user ${name} is there again with the alias ${alias}, which is left out with its password and limits: its clients have to log in as ${name}`,
      );
      continue;
    }
    if (alias !== name)
      notes.push(
        `user ${name} has the alias ${alias}, by which nobody logs in here: its clients have to log in as ${name}`,
      );
    byName.set(name, {
      db_user: name,
      db_user_alias: row.db_user_alias,
      db_password: vault.open(row.db_pass_encrypted as Buffer, vault.keyId).toString("utf8"),
      pool_size: row.pool_size,
      mode_type: row.mode_type,
      is_manager: row.is_manager,
      pool_checkout_timeout: row.pool_checkout_timeout,
      max_clients: row.max_clients ?? null,
    });
  }
  return [...byName.values()];
}

/** Stored as DER. */
function pemOf(ca: unknown, notes: string[]): string | null {
  if (!Buffer.isBuffer(ca) || ca.length === 0) return null;
  try {
    return new X509Certificate(ca).toString();
  } catch {
    notes.push("upstream_tls_ca is no certificate and is left out");
    return null;
  }
}

function textsOf(value: unknown, notes: string[]): Row {
  const entries = Object.entries((value ?? {}) as Row);
  const texts = entries.filter(([, item]) => typeof item === "string");
  if (texts.length < entries.length)
    notes.push("default_parameter_status holds values that are no texts; they are left out");
  return Object.fromEntries(texts);
}

function clusterOf(row: Row, members: readonly Row[]): FoundCluster {
  return {
    alias: String(row.alias),
    input: {
      active: row.active === true,
      cluster_tenants: members.map(({ tenant_external_id, type, active }) => ({
        tenant_external_id,
        type,
        active: active === true,
      })),
    },
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function groupedBy(rows: readonly Row[], column: string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = String(row[column]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}
