import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import type { Clock, Deadline } from "@sluice/shared/time";
import { logIn, ServerConnection, type ServerCredentials } from "../server/index.js";
import { type DirectoryListener, type Tenant, terminationOrdered } from "../tenants/index.js";
import { type DialOptions, dial, sameUpstream, type Upstream } from "../transport/index.js";
import type { Permits } from "./permits.js";
import { Pool } from "./pool.js";
import { poolRulesOf } from "./pool-rules.js";

export interface PoolKey {
  readonly tenant: string;
  readonly database: string;
  readonly user: string;
  readonly mode: PoolMode;
}

export interface PoolsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dialOptions: DialOptions;
  readonly permitsFor: (key: PoolKey, limit: number) => Permits;
  readonly cancel: (server: ServerConnection, upstream: Upstream, deadline: Deadline) => Promise<void>;
}

const REAP_INTERVAL_MS = 2000;

interface Entry {
  readonly key: PoolKey;
  readonly pool: Pool;
  readonly upstream: Upstream;
  /** Replaced by each login: after a password was changed the next login brings keys that work. */
  credentials: ServerCredentials;
}

/** All pools of a worker. */
export class Pools implements DirectoryListener {
  readonly #options: PoolsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#scheduleReaping();
  }

  /** The pool for a key, made when it is new; `credentials` are those of the login that asks. */
  for(key: PoolKey, tenant: Tenant, credentials: ServerCredentials): Pool {
    const name = JSON.stringify([key.tenant, key.database, key.user, key.mode]);
    const known = this.#entries.get(name);
    if (known !== undefined && !known.pool.retired) {
      known.credentials = credentials;
      return known.pool;
    }
    const { clock, logger, cancel, dialOptions, permitsFor } = this.#options;
    const upstream = tenant.upstream;
    const rules = poolRulesOf(tenant, key.user);
    const entry: Entry = {
      key,
      upstream,
      credentials,
      pool: new Pool({
        name: `${key.user}.${key.tenant}/${key.database} ${key.mode}`,
        mode: key.mode,
        permits: permitsFor(key, rules.size),
        clock,
        logger,
        rules,
        cancel: (server, deadline) => cancel(server, upstream, deadline),
        connect: async (deadline) => {
          const socket = await dial(upstream, dialOptions, deadline);
          try {
            const greeting = await logIn(socket, entry.credentials, key.database, deadline);
            return new ServerConnection(socket, greeting, clock.monotonic());
          } catch (error) {
            socket.on("error", () => undefined);
            socket.destroy();
            throw error;
          }
        },
      }),
    };
    this.#entries.set(name, entry);
    return entry.pool;
  }

  figures(): readonly { readonly key: PoolKey; readonly figures: Pool["figures"] }[] {
    return [...this.#entries.values()].map(({ key, pool }) => ({ key, figures: pool.figures }));
  }

  tenantChanged(tenant: Tenant, before: Tenant | undefined): void {
    const terminated = terminationOrdered(tenant, before);
    for (const entry of this.#entries.values()) {
      if (entry.key.tenant !== tenant.id) continue;
      if (!terminated && sameUpstream(entry.upstream, tenant.upstream))
        entry.pool.follow(poolRulesOf(tenant, entry.key.user));
      else entry.pool.retire();
    }
  }

  tenantRemoved(tenant: Tenant): void {
    for (const entry of this.#entries.values()) if (entry.key.tenant === tenant.id) entry.pool.retire();
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.pool.close();
  }

  #scheduleReaping(): void {
    this.#options.clock.schedule(REAP_INTERVAL_MS, () => {
      for (const [name, { pool }] of this.#entries) {
        pool.reap();
        if (pool.unused) this.#entries.delete(name);
      }
      this.#scheduleReaping();
    });
  }
}
