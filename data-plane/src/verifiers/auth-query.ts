import { checkServerIdentity } from "node:tls";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import pg from "pg";
import type { DirectoryListener, Tenant } from "../tenants/index.js";
import { type DialOptions, SocketTo } from "../transport/index.js";
import { AuthQueryFailed } from "./auth-query-failed.js";
import { ManagerClient } from "./manager-client.js";

const CONNECT_TIMEOUT_MS = 5000;
const QUERY_TIMEOUT_MS = 5000;
const IDLE_TIMEOUT_MS = 60_000;
/** Look-ups of one tenant that wait for its connection: a flood of made-up names is turned away here. */
const MOST_WAITING = 1000;

/** Whether the role may log in at all; `auth_query` only knows its password. */
const MAY_LOG_IN =
  "SELECT rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > pg_catalog.now()) AS may FROM pg_catalog.pg_roles WHERE rolname = $1";

/**
 * Asks a tenant's database for the secret of a role, as the tenant's manager, over one connection a tenant.
 * Nothing of the client's is in that session but the role's name, as a parameter (CVE-2025-12819).
 */
export class AuthQuery implements DirectoryListener {
  readonly #dialOptions: DialOptions;
  readonly #logger: Logger;
  readonly #pools = new Map<string, pg.Pool>();

  constructor(dialOptions: DialOptions, logger: Logger) {
    this.#dialOptions = dialOptions;
    this.#logger = logger;
  }

  /** The secret as the database stores it; undefined when the role does not exist or may not log in. */
  async secretOf(tenant: Tenant, user: string): Promise<string | undefined> {
    const { authQuery } = tenant;
    if (authQuery === undefined) throw new AuthQueryFailed("no auth_query configured for this tenant");
    const pool = this.#poolOf(tenant);
    if (pool.waitingCount >= MOST_WAITING) throw new AuthQueryFailed("too many logins are waiting for it");
    try {
      const { rows, fields } = await pool.query<unknown[]>({
        text: authQuery,
        values: [user],
        rowMode: "array",
      });
      // Asked for unknown users too: both take the same time.
      const roles = await pool.query<{ may: boolean }>(MAY_LOG_IN, [user]);
      if (fields.length !== 2 || rows.length > 1)
        throw new AuthQueryFailed("authentication query returned wrong format");
      const [name, secret] = rows[0] ?? [];
      if (rows.length === 0 || typeof secret !== "string" || roles.rows[0]?.may !== true) return undefined;
      // CVE-2015-6817: whoever the query speaks of, it is not who wants to come in.
      if (name !== user) throw new AuthQueryFailed("authentication query returned wrong format");
      return secret;
    } catch (error) {
      if (error instanceof AuthQueryFailed) throw error;
      this.#logger.warn("auth_query failed", { tenant: tenant.id, error });
      // What the database said is for the log: a stranger has not logged in yet.
      throw new AuthQueryFailed("authentication query failed: connection to database not available", error);
    }
  }

  tenantChanged(_tenant: Tenant, before: Tenant | undefined): void {
    if (before !== undefined) this.#forget(before);
  }

  tenantRemoved(tenant: Tenant): void {
    this.#forget(tenant);
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.allSettled(pools.map((pool) => pool.end()));
  }

  #forget(tenant: Tenant): void {
    const pool = this.#pools.get(tenant.id);
    if (pool === undefined) return;
    this.#pools.delete(tenant.id);
    pool
      .end()
      .catch((error: unknown) =>
        this.#logger.debug("auth_query pool did not end", { reason: messageOf(error) }),
      );
  }

  #poolOf(tenant: Tenant): pg.Pool {
    const known = this.#pools.get(tenant.id);
    if (known !== undefined) return known;
    const { manager, upstream, database } = tenant;
    if (manager === undefined) throw new AuthQueryFailed("no manager user for auth_query");
    const { tls } = upstream;
    const ca = tls?.ca ?? this.#dialOptions.globalCa;
    const pool = new pg.Pool({
      Client: ManagerClient,
      // The name is what TLS asks for; where the connection goes, the socket knows.
      host: tls?.name ?? upstream.host,
      port: upstream.port,
      stream: () => new SocketTo(upstream, this.#dialOptions.names?.lookup),
      database,
      user: manager.name,
      password: manager.password(),
      max: 1,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      application_name: "sluice (auth_query)",
      options: "-c search_path=pg_catalog,pg_temp",
      allowExitOnIdle: true,
      ssl:
        tls === undefined
          ? false
          : {
              rejectUnauthorized: tls.verify === "peer",
              ...(ca === undefined ? {} : { ca }),
              // Also where nothing is refused for it: it says whether a password may be sent in clear.
              checkServerIdentity: (_, certificate) => checkServerIdentity(tls.name, certificate),
            },
    });
    pool.on("error", (error) =>
      this.#logger.debug("auth_query connection ended", { tenant: tenant.id, error }),
    );
    this.#pools.set(tenant.id, pool);
    return pool;
  }
}
