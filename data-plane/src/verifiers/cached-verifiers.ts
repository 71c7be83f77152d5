import { type Clock, Deadline, DeadlinePassed, within } from "@sluice/shared/time";
import { parseStoredSecret, type StoredSecret } from "../auth/index.js";
import type { Tenant } from "../tenants/index.js";
import { AuthQueryFailed } from "./auth-query-failed.js";
import { configuredSecret } from "./configured-secret.js";
import type { Verifiers } from "./verifiers.js";

/** Reads a secret from the tenant's database. */
export type ReadSecret = (tenant: Tenant, user: string) => Promise<string | undefined>;

/** Older than this it is read again before it is used (wire.md, `auth_cache_ttl`). */
const FRESH_MS = 5000;
/** How long a database may take while a cached verifier could serve. */
const PATIENCE_MS = 1000;
/** Roles that exist, and names that strangers made up: these push none of the others out. */
const MOST_KNOWN = 100_000;
const MOST_UNKNOWN = 10_000;

interface Entry {
  verifier: StoredSecret | undefined;
  readAtMs: number;
  revision: number;
}

/** Verifiers from the bundle for `require_user`, else from `auth_query`, kept for a short while; one read per user at a time. */
export class CachedVerifiers implements Verifiers {
  readonly #read: ReadSecret;
  readonly #clock: Clock;
  readonly #known = new Map<string, Entry>();
  readonly #unknown = new Map<string, Entry>();
  readonly #reading = new Map<string, Promise<StoredSecret | undefined>>();

  constructor(read: ReadSecret, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  async find(tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    if (tenant.requireUser) return configuredSecret(tenant, user);
    const key = `${tenant.id}\0${user}`;
    const entry = this.#entryOf(key);
    const nowMs = this.#clock.monotonic();
    if (entry !== undefined && entry.revision === tenant.revision && nowMs - entry.readAtMs < FRESH_MS)
      return entry.verifier;
    const reading = this.#readOnce(key, tenant, user);
    if (entry === undefined || entry.revision !== tenant.revision) return reading;
    try {
      return await within(Deadline.after(this.#clock, PATIENCE_MS), "auth_query", reading);
    } catch (error) {
      // The database is slow or away: what it said last still holds, of users that do not exist too, or they were told by it.
      if (error instanceof DeadlinePassed || error instanceof AuthQueryFailed) return entry.verifier;
      throw error;
    }
  }

  /** How long what was found is used without being read again; 0: it is read with the next look-up. */
  freshForMs(tenant: Tenant, user: string): number {
    const entry = this.#entryOf(`${tenant.id}\0${user}`);
    if (entry === undefined || entry.revision !== tenant.revision) return 0;
    return Math.max(0, entry.readAtMs + FRESH_MS - this.#clock.monotonic());
  }

  /** Somebody used a wrong password, perhaps because it was changed: the next look-up asks again. */
  loginFailed(tenant: Tenant, user: string): void {
    const entry = this.#entryOf(`${tenant.id}\0${user}`);
    if (entry !== undefined) entry.readAtMs = Number.NEGATIVE_INFINITY;
  }

  #readOnce(key: string, tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    const running = this.#reading.get(key);
    if (running !== undefined) return running;
    const reading = this.#readNow(key, tenant, user).finally(() => this.#reading.delete(key));
    // Whoever stopped waiting must not leave a rejection that nobody hears.
    reading.catch(() => undefined);
    this.#reading.set(key, reading);
    return reading;
  }

  async #readNow(key: string, tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    const secret = await this.#read(tenant, user);
    // What is no secret that we know lets nobody in, and must not tell a stranger that the user exists.
    const verifier = secret === undefined ? undefined : parseStoredSecret(secret);
    this.#known.delete(key);
    this.#unknown.delete(key);
    const [entries, most] =
      verifier === undefined ? [this.#unknown, MOST_UNKNOWN] : [this.#known, MOST_KNOWN];
    entries.set(key, { verifier, readAtMs: this.#clock.monotonic(), revision: tenant.revision });
    if (entries.size > most) {
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        break;
      }
    }
    return verifier;
  }

  #entryOf(key: string): Entry | undefined {
    return this.#known.get(key) ?? this.#unknown.get(key);
  }
}
