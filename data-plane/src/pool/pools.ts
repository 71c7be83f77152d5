import { background } from "@sluice/shared/lifecycle";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { KeyDerivations } from "../auth/index.js";
import { labelsOf, type PoolLabels, type PoolMeters, poolName } from "../metrics/index.js";
import {
  configuredCredentials,
  logIn,
  ServerConnection,
  type ServerCredentials,
  systemIdentifierOf,
} from "../server/index.js";
import { type DirectoryListener, isUserRemoved, type Tenant, terminationOrdered } from "../tenants/index.js";
import {
  type DialOptions,
  dial,
  type ServerSocket,
  sameUpstream,
  type Upstream,
} from "../transport/index.js";
import type { KnownParameters, LearntParameters } from "./known-parameters.js";
import { LoneServers } from "./lone-servers.js";
import { LOOK_UP_INTERVAL_MS, MovedHosts } from "./moved-hosts.js";
import type { Permits } from "./permits.js";
import { Pool } from "./pool.js";
import { TooManyPools } from "./pool-failure.js";
import { poolRulesOf, type WorkerPlace } from "./pool-rules.js";
import type { Opened } from "./pooled-server.js";
import { TenantPools } from "./tenant-pools.js";

export type PoolKey = PoolLabels;

export interface PoolsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dialOptions: DialOptions;
  /** Data planes that share each tenant's bounds on servers (`REGION_DATA_PLANES`). */
  readonly dataPlanes: number;
  readonly meters: PoolMeters;
  readonly derivations: KeyDerivations;
  readonly permitsFor: (key: PoolKey) => Permits;
  /** Default: the only one. */
  readonly worker?: WorkerPlace;
  /** Servers have moved: sessions may be keeping some that are where nobody is to be any more. */
  readonly moved: () => void;
  /** For the other workers. */
  readonly learnt: (learnt: LearntParameters) => void;
  /** A database server has no connection left, and no pool here has one idle there. */
  readonly crowded: (at: DatabaseServer) => void;
  readonly cancel: (server: ServerConnection, upstream: Upstream, deadline: Deadline) => Promise<void>;
}

/** What its pools share the connections of. */
export type DatabaseServer = Pick<Upstream, "host" | "port">;

/** No user has this name: permits of a tenant beyond its pools. */
export const OUTSIDE_POOLS = "";
const REAP_INTERVAL_MS = 2000;
/** Of one tenant: a client names its database, so it could have any number of them made. */
const MOST_POOLS = 500;

interface Entry {
  readonly key: PoolKey;
  readonly pool: Pool;
  upstream: Upstream;
  /** Replaced by each later login: after a password was changed the next one brings keys that work. */
  credentials: ServerCredentials;
  /** When that login began, or the tenant's record brought them. */
  credentialsSinceMs: number;
}

/** All pools of a worker. */
export class Pools implements DirectoryListener {
  readonly #options: PoolsOptions;
  readonly #held = new Set<string>();
  #allHeld = false;
  readonly #tenants = new Map<string, TenantPools<Entry>>();
  readonly #hosts: MovedHosts;

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#hosts = new MovedHosts(options.clock, options.dialOptions, () => this.of(undefined), options.moved);
    this.#scheduleLooks();
    this.#scheduleReaping();
  }

  /**
   * The pool for a key, made when it is new.
   * @param credentials those of the login that asks
   * @param sinceMs when that began, by the monotonic clock
   * @throws TooManyPools
   */
  for(key: PoolKey, tenant: Tenant, credentials: ServerCredentials, sinceMs: number): Pool {
    const pools = this.#poolsOf(tenant.id);
    const name = poolName(key);
    const known = pools.find(name);
    if (known !== undefined) {
      // One that was slow brings keys from before a change of the password.
      if (sinceMs >= known.credentialsSinceMs) {
        known.credentials = credentials;
        known.credentialsSinceMs = sinceMs;
      }
      return known.pool;
    }
    // One that is replaced makes none more.
    if (pools.size >= MOST_POOLS && !pools.has(name)) throw new TooManyPools(MOST_POOLS);
    const { clock, logger, dataPlanes, meters, permitsFor } = this.#options;
    const parameters = pools.knownOf(knownName(key));
    const entry: Entry = {
      key,
      upstream: tenant.upstream,
      credentials,
      credentialsSinceMs: sinceMs,
      pool: new Pool({
        name: `${key.user}.${key.tenant}/${key.database} ${key.mode}`,
        mode: key.mode,
        permits: permitsFor(key),
        clock,
        logger,
        rules: poolRulesOf(tenant, key.user, dataPlanes, this.#options.worker),
        crowded: () => this.#crowded(entry),
        meter: meters.of(key),
        known: parameters,
        connect: (deadline) => this.#connect(entry, parameters, deadline),
      }),
    };
    pools.add(name, entry);
    if (this.#allHeld || this.#held.has(key.tenant)) entry.pool.hold(true);
    return entry.pool;
  }

  /** Whether there are pools of a tenant, or there is something to remember for them. */
  knows(tenant: string): boolean {
    return this.#tenants.has(tenant);
  }

  /** Another worker has heard it of a server. */
  learn({ tenant, database, user, baseline, identity }: LearntParameters): void {
    this.#poolsOf(tenant).knownOf(knownName({ database, user })).learn(baseline, identity);
  }

  /** Whether a tenant's database is known not to be there. A while after the last failure nobody knows. */
  isDown(tenant: string, forgottenAfterMs: number): boolean {
    const pools = this.#tenants.get(tenant)?.current ?? [];
    return (
      pools.some(({ pool }) => (pool.awayForMs ?? Number.POSITIVE_INFINITY) < forgottenAfterMs) &&
      !pools.some(({ pool }) => pool.figures.open > 0)
    );
  }

  /**
   * A server that is nobody else's and belongs to no pool, for a session of replication. The caller closes it, and then
   * calls `free`.
   * @throws CheckoutTimeout, or what went wrong with connecting
   */
  async openAlone(
    tenant: Tenant,
    user: string,
    credentials: ServerCredentials,
    startup: { readonly database: string; readonly parameters: ReadonlyMap<string, string> },
  ): Promise<Opened & { readonly free: () => void }> {
    const { clock, cancel, dialOptions, dataPlanes, permitsFor } = this.#options;
    const { upstream } = tenant;
    const { checkoutTimeoutMs, connectTimeoutMs } = poolRulesOf(tenant, user, dataPlanes);
    const key: PoolKey = { tenant: tenant.id, database: "", user: OUTSIDE_POOLS, mode: "session" };
    const lone = this.#poolsOf(tenant.id).loneServers(() => new LoneServers(permitsFor(key), clock));
    const free = await lone.take(checkoutTimeoutMs);
    try {
      const deadline = Deadline.after(clock, connectTimeoutMs);
      const socket = await dial(upstream, dialOptions, deadline);
      const { database, parameters } = startup;
      const server = await loggedIn(socket, () =>
        logIn(socket, credentials, database, deadline, parameters).then(
          (greeting) => new ServerConnection(socket, greeting, clock.monotonic()),
        ),
      );
      return { server, cancel: (until) => cancel(server, whereIs(server, upstream), until), free };
    } catch (error) {
      free();
      throw error;
    }
  }

  /** How many servers each pool of a tenant has. */
  serversOf(tenant: string): readonly number[] {
    return (this.#tenants.get(tenant)?.current ?? [])
      .filter(({ pool }) => !pool.retired)
      .map(({ pool }) => pool.figures.open);
  }

  /** Of one tenant, or all. */
  of(
    tenant: string | undefined,
  ): readonly { readonly key: PoolKey; readonly upstream: Upstream; readonly pool: Pool }[] {
    if (tenant !== undefined) return this.#tenants.get(tenant)?.current ?? [];
    return [...this.#tenants.values()].flatMap((pools) => pools.current);
  }

  /**
   * Closes an idle server at a database server that has no connection left: of all pools there, the one with most to
   * spare gives it up. False when none has any.
   */
  makeRoom({ host, port }: DatabaseServer): boolean {
    const [first] = this.of(undefined)
      .filter(({ upstream }) => upstream.host === host && upstream.port === port)
      .filter(({ pool }) => pool.figures.idle > 0)
      .sort((a, b) => b.pool.figures.idle - a.pool.figures.idle);
    return first?.pool.makeRoom() ?? false;
  }

  /** Pauses the tenant's pools, or all, those that are made later too. To let all go on lets each go on. */
  hold(tenant: string | undefined, held: boolean): void {
    if (tenant === undefined) {
      this.#allHeld = held;
      if (!held) this.#held.clear();
    } else if (held) this.#held.add(tenant);
    else this.#held.delete(tenant);
    for (const { key, pool } of this.of(tenant)) pool.hold(this.#allHeld || this.#held.has(key.tenant));
  }

  has(name: string): boolean {
    return this.#tenants.get(labelsOf(name).tenant)?.has(name) === true;
  }

  /** What is there now goes to the meters, for the next report. */
  measure(): void {
    for (const pools of this.#tenants.values()) for (const { pool } of pools.current) pool.measure();
  }

  tenantChanged(tenant: Tenant, before: Tenant | undefined): void {
    const pools = this.#tenants.get(tenant.id);
    if (pools === undefined || before === undefined) return;
    if (!sameUpstream(before.upstream, tenant.upstream)) pools.forgetParameters();
    const terminated = terminationOrdered(tenant, before);
    let anyElsewhere = false;
    for (const entry of pools.current) {
      const { user } = entry.key;
      if (terminated || isUserRemoved(tenant, before, user)) {
        entry.pool.retire();
        continue;
      }
      entry.pool.follow(poolRulesOf(tenant, user, this.#options.dataPlanes, this.#options.worker));
      const elsewhere = !sameUpstream(entry.upstream, tenant.upstream);
      const otherPassword = passwordOf(before, user) !== passwordOf(tenant, user);
      entry.upstream = tenant.upstream;
      if (otherPassword) {
        entry.credentials =
          configuredCredentials(tenant, user, this.#options.derivations) ?? entry.credentials;
        entry.credentialsSinceMs = this.#options.clock.monotonic();
      }
      if (elsewhere || otherPassword) entry.pool.renew(elsewhere);
      anyElsewhere ||= elsewhere;
    }
    if (anyElsewhere) this.#options.moved();
  }

  tenantRemoved(tenant: Tenant): void {
    const pools = this.#tenants.get(tenant.id);
    if (pools === undefined) return;
    pools.removed = true;
    pools.forgetParameters();
    for (const { pool } of pools.current) pool.retire();
  }

  close(): void {
    for (const pools of this.#tenants.values()) for (const { pool } of pools.all) pool.close();
  }

  async #connect(entry: Entry, known: KnownParameters, deadline: Deadline): Promise<Opened> {
    const { clock, cancel, dialOptions } = this.#options;
    const { upstream, credentials, key } = entry;
    const socket = await dial(upstream, dialOptions, deadline);
    return await loggedIn(socket, async () => {
      const greeting = await logIn(socket, credentials, key.database, deadline);
      const server = new ServerConnection(socket, greeting, clock.monotonic());
      const identity = known.tellsIdentity ? await systemIdentifierOf(server, deadline) : undefined;
      // Of a server that is not wanted any more nothing is learnt.
      if (entry.upstream === upstream && known.learn(server.baseline, identity)) {
        const { tenant, database, user } = key;
        this.#options.learnt({ tenant, database, user, baseline: server.baseline, identity });
      }
      return { server, cancel: (until) => cancel(server, whereIs(server, upstream), until) };
    });
  }

  #poolsOf(tenant: string): TenantPools<Entry> {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const pools = new TenantPools<Entry>();
    this.#tenants.set(tenant, pools);
    return pools;
  }

  /** Whether a server is still open that is where none is to be any more. */
  get anyMoved(): boolean {
    for (const { all } of this.#tenants.values()) for (const { pool } of all) if (pool.hasMoved) return true;
    return false;
  }

  #crowded({ upstream: { host, port } }: Entry): void {
    if (!this.makeRoom({ host, port })) this.#options.crowded({ host, port });
  }

  #scheduleLooks(): void {
    this.#options.clock.schedule(LOOK_UP_INTERVAL_MS, () => {
      background(
        this.#options.logger,
        "looking up the hosts of servers",
        this.#hosts.look().finally(() => this.#scheduleLooks()),
      );
    });
  }

  #scheduleReaping(): void {
    this.#options.clock.schedule(REAP_INTERVAL_MS, () => {
      for (const [id, pools] of this.#tenants) {
        pools.reap();
        if (pools.removed && pools.all.length === 0) this.#tenants.delete(id);
      }
      this.#scheduleReaping();
    });
  }
}

/** The name of its host may be another address by now. */
function whereIs({ socket }: ServerConnection, upstream: Upstream): Upstream {
  return { ...upstream, host: socket.remoteAddress ?? upstream.host };
}

function knownName({ database, user }: Pick<PoolKey, "database" | "user">): string {
  return JSON.stringify([database, user]);
}

/** A login that fails leaves no socket behind. */
async function loggedIn<T>(socket: ServerSocket, login: () => Promise<T>): Promise<T> {
  try {
    return await login();
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  }
}

/** Of a user whose servers are logged in to with what the tenant has stored. */
function passwordOf(tenant: Tenant, user: string): string | undefined {
  return tenant.requireUser ? tenant.users.get(user)?.password() : undefined;
}
