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
const MOST_ENTRIES = 10_000;

interface Entry {
  verifier: StoredSecret | undefined;
  readAtMs: number;
  revision: number;
}

/** Verifiers from the bundle for `require_user`, else from `auth_query`, kept for a short while; one read per user at a time. */
export class CachedVerifiers implements Verifiers {
  readonly #read: ReadSecret;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #reading = new Map<string, Promise<StoredSecret | undefined>>();

  constructor(read: ReadSecret, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  async find(tenant: Tenant, user: string): Promise<StoredSecret | undefined> {
    if (tenant.requireUser) return configuredSecret(tenant, user);
    const key = `${tenant.id}\0${user}`;
    const entry = this.#entries.get(key);
    const nowMs = this.#clock.monotonic();
    if (entry !== undefined && entry.revision === tenant.revision && nowMs - entry.readAtMs < FRESH_MS)
      return entry.verifier;
    const reading = this.#readOnce(key, tenant, user);
    if (entry?.verifier === undefined || entry.revision !== tenant.revision) return reading;
    try {
      return await within(Deadline.after(this.#clock, PATIENCE_MS), "auth_query", reading);
    } catch (error) {
      // The database is slow or away: what it said last still holds.
      if (error instanceof DeadlinePassed || error instanceof AuthQueryFailed) return entry.verifier;
      throw error;
    }
  }

  loginFailed(tenant: Tenant, user: string): void {
    const entry = this.#entries.get(`${tenant.id}\0${user}`);
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
    this.#entries.delete(key);
    this.#entries.set(key, { verifier, readAtMs: this.#clock.monotonic(), revision: tenant.revision });
    if (this.#entries.size > MOST_ENTRIES) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return verifier;
  }
}
