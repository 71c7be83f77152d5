import { LIMITS, TENANT_DEFAULTS } from "@sluice/shared/tenant";
import { type Attributes, atMost, attribute, between, bytes, oneOf } from "../framework/index.js";
import { Unknown, type Value, type Values } from "../protocol/index.js";

const milliseconds = (what: string, fallback: number, most: number = LIMITS.timeoutMs) =>
  attribute("number", `${what} In milliseconds.`, { default: fallback, checks: [between(0, most)] });
const flag = (what: string, fallback: boolean) => attribute("bool", what, { default: fallback });

/** Without a word of the configuration: "none" once there is TLS, and nothing without it. */
function verifyDefault(config: Values): Value {
  const ssl = config.upstream_ssl ?? null;
  if (ssl instanceof Unknown) return ssl;
  return ssl === true ? "none" : null;
}

/** What a tenant is set to, under the names of the API, where nothing differs between the two. */
export const TENANT_SETTINGS: Attributes = {
  db_host: attribute("string", "Name or address of the database's host.", {
    required: true,
    checks: [bytes(LIMITS.hostBytes)],
  }),
  db_port: attribute("number", "The database's port.", { required: true, checks: [between(1, 65_535)] }),
  db_database: attribute("string", "Name of the database.", {
    required: true,
    checks: [bytes(LIMITS.nameBytes)],
  }),
  ip_version: attribute("string", "Which addresses of `db_host` are used: `auto`, `v4` or `v6`.", {
    default: TENANT_DEFAULTS.ipVersion,
    checks: [oneOf("auto", "v4", "v6")],
  }),
  upstream_ssl: flag("Whether the database is reached over TLS.", TENANT_DEFAULTS.upstreamSsl),
  upstream_verify: attribute(
    "string",
    "With `upstream_ssl`. `none`: TLS, and nothing of the certificate is checked; the default. `peer`: chain and host " +
      "name are checked, against `upstream_tls_ca`, else against the data plane's own roots.",
    { default: verifyDefault, checks: [oneOf("none", "peer")] },
  ),
  upstream_tls_name: attribute(
    "string",
    "The name in the database's certificate, where it is not `db_host`.",
    {
      optional: true,
      checks: [bytes(LIMITS.hostBytes)],
    },
  ),
  enforce_ssl: flag("Whether clients must use TLS.", TENANT_DEFAULTS.enforceSsl),
  require_user: flag(
    "`true`: only users that are resources (`sluice_tenant_user`) log in. `false`: the database is asked about a user, " +
      "by `auth_query` as the `manager`.",
    TENANT_DEFAULTS.requireUser,
  ),
  auth_query: attribute(
    "string",
    "Needed while `require_user` is `false`. `$1` stands for the name of the user; one row, its columns are the name " +
      "and the password's hash.",
    { optional: true, checks: [bytes(LIMITS.authQueryBytes)] },
  ),
  default_pool_size: attribute("number", "Connections to the database for a user who is no resource.", {
    default: TENANT_DEFAULTS.defaultPoolSize,
    checks: [between(1, LIMITS.poolSize)],
  }),
  default_max_clients: attribute("number", "Clients of the tenant on one data plane.", {
    default: TENANT_DEFAULTS.defaultMaxClients,
    checks: [between(1, LIMITS.maxClients)],
  }),
  sni_hostname: attribute("string", "A client that names this host in its TLS handshake means this tenant.", {
    optional: true,
    checks: [bytes(LIMITS.hostBytes)],
  }),
  allow_list: attribute(
    ["set", "string"],
    "Address ranges of clients (CIDR; a bare address is a range of one). Default is everyone; an empty set lets " +
      "nobody in.",
    { default: TENANT_DEFAULTS.allowList, checks: [atMost(LIMITS.allowListEntries, "ranges")] },
  ),
  regions: attribute(
    ["set", "string"],
    "The data planes of these regions serve the tenant. Left out: every region.",
    {
      optional: true,
      checks: [
        atMost(LIMITS.regions, "regions"),
        (value) =>
          Array.isArray(value) && value.length === 0
            ? "must name a region; leave it out for every region"
            : undefined,
      ],
    },
  ),
  client_idle_timeout: milliseconds(
    "Idle clients are disconnected after it; 0 is never.",
    TENANT_DEFAULTS.clientIdleTimeoutMs,
  ),
  client_heartbeat_interval: attribute(
    "number",
    "How often an idle client's connection is probed; 0 is never. In seconds.",
    { default: TENANT_DEFAULTS.clientHeartbeatIntervalS, checks: [between(0, LIMITS.heartbeatS)] },
  ),
  idle_transaction_timeout: milliseconds(
    "A client whose transaction is idle for longer is disconnected; 0 is never.",
    TENANT_DEFAULTS.idleTransactionTimeoutMs,
  ),
  query_timeout: milliseconds(
    "A query that takes longer is cancelled and its client disconnected; 0 is never.",
    TENANT_DEFAULTS.queryTimeoutMs,
  ),
  transaction_timeout: milliseconds(
    "A transaction that takes longer ends, and its client is disconnected; 0 is never.",
    TENANT_DEFAULTS.transactionTimeoutMs,
  ),
  server_idle_timeout: milliseconds(
    "A connection to the database that nobody used for so long is closed; 0 is never.",
    TENANT_DEFAULTS.serverIdleTimeoutMs,
  ),
  server_lifetime: milliseconds(
    "A connection to the database that is older is closed when it is free; 0 is never.",
    TENANT_DEFAULTS.serverLifetimeMs,
  ),
  server_connect_timeout: milliseconds(
    "For connecting to the database and logging in; 0 is no limit of its own.",
    TENANT_DEFAULTS.serverConnectTimeoutMs,
    LIMITS.serverConnectTimeoutMs,
  ),
  min_pool_size: attribute("number", "Connections to the database that a pool in use keeps open.", {
    default: TENANT_DEFAULTS.minPoolSize,
    checks: [between(0, LIMITS.poolSize)],
  }),
  max_server_connections: attribute(
    "number",
    "Connections to the database of all pools of the tenant, on one data plane; 0 is no bound but those of the pools.",
    { default: TENANT_DEFAULTS.maxServerConnections, checks: [between(0, LIMITS.maxServerConnections)] },
  ),
  max_pinned: attribute(
    "number",
    "Connections of a pool that sessions may keep for themselves (LISTEN, temporary tables). Left out: half the pool.",
    { optional: true, checks: [between(0, LIMITS.poolSize)] },
  ),
  server_reset: attribute(
    "string",
    "What is done between two clients of one connection. `tracked`: what is known to have changed is undone. `always`: " +
      "`DISCARD ALL`.",
    { default: TENANT_DEFAULTS.serverReset, checks: [oneOf("tracked", "always")] },
  ),
  application_name_add_host: flag(
    "Whether the client's address and port are added to its `application_name`.",
    TENANT_DEFAULTS.applicationNameAddHost,
  ),
  allow_md5: flag(
    "Whether a user of whom the database has an MD5 hash only may log in with it. It reveals to strangers which users " +
      "exist.",
    TENANT_DEFAULTS.allowMd5,
  ),
  use_jit: flag(
    "Whether clients may log in with a token that `jit_api_url` checks. Over TLS only.",
    TENANT_DEFAULTS.useJit,
  ),
  jit_api_url: attribute("string", "An http or https URL. Needed while `use_jit` is `true`.", {
    optional: true,
    checks: [bytes(LIMITS.urlBytes)],
  }),
  availability_zone: attribute("string", "Stored and shown only.", { optional: true, checks: [bytes(255)] }),
  default_parameter_status: attribute(
    ["map", "string"],
    "Server parameters for clients that come before the database was reached. Data planes learn the real values.",
    { default: {}, checks: [atMost(100, "parameters")] },
  ),
  feature_flags: attribute(["map", "string"], "Stored and shown only.", {
    default: {},
    checks: [atMost(100, "flags")],
  }),
};
