import { isDeepStrictEqual } from "node:util";
import { formatVerifier, makeVerifier } from "@sluice/shared/secrets";
import { mergeTenant, type WantedUser } from "./merge-tenant.js";
import { ordersOf } from "./orders.js";
import type { StoredTenant, Tenant, User } from "./tenant.js";
import { TenantUnknown } from "./tenant-failure.js";
import type { TenantInput } from "./tenant-input.js";
import type { TenantChange, TenantStore } from "./tenant-store.js";

export interface TenantPage {
  readonly tenants: readonly StoredTenant[];
  /** The external_id behind which the next page begins; null: this is the last one. */
  readonly nextAfter: string | null;
}

/** What operators do with tenants. */
export class TenantService {
  readonly #store: TenantStore;

  constructor(store: TenantStore) {
    this.#store = store;
  }

  /** @throws TenantUnknown */
  async get(externalId: string): Promise<StoredTenant> {
    const tenant = await this.#store.find(externalId);
    if (tenant === undefined) throw new TenantUnknown(externalId);
    return tenant;
  }

  /** Ordered by external_id. */
  async list(after: string | undefined, limit: number): Promise<TenantPage> {
    const found = await this.#store.list(after, limit + 1);
    const tenants = found.slice(0, limit);
    return { tenants, nextAfter: found.length > limit ? (tenants.at(-1)?.externalId ?? null) : null };
  }

  /**
   * Creates or merges. One that changes nothing writes nothing and takes no generation. The tenant's database is not
   * asked: the control plane may not reach it.
   * @throws TenantInvalid
   */
  put(externalId: string, input: TenantInput): Promise<TenantChange> {
    return this.#store.change(externalId, async (stored) => {
      const wanted = mergeTenant(externalId, input, stored);
      const users =
        wanted.users === undefined ? (stored?.users ?? []) : await withSecrets(wanted.users, stored);
      const tenant: Tenant = { ...wanted, users, ...ordersOf(stored) };
      return stored !== undefined && isDeepStrictEqual(contentOf(stored), tenant) ? undefined : tenant;
    });
  }

  /** @throws TenantUnknown */
  async remove(externalId: string): Promise<void> {
    if (!(await this.#store.remove(externalId))) throw new TenantUnknown(externalId);
  }
}

/** An unchanged password keeps its verifier: a new salt would be a change that nobody asked for. */
function withSecrets(users: readonly WantedUser[], stored: Tenant | undefined): Promise<User[]> {
  const known = new Map(stored?.users.map((user) => [user.dbUser, user]));
  return Promise.all(
    users.map(async ({ dbPassword, ...settings }) => {
      const kept = known.get(settings.dbUser);
      if (kept !== undefined && (dbPassword === undefined || dbPassword === kept.dbPassword)) {
        return { ...settings, dbPassword: kept.dbPassword, verifier: kept.verifier };
      }
      // mergeTenant has refused a user that has neither a password nor a stored one.
      const password = dbPassword ?? "";
      return { ...settings, dbPassword: password, verifier: formatVerifier(await makeVerifier(password)) };
    }),
  );
}

/** All that a PUT can change. */
function contentOf({ id: _id, insertedAt: _inserted, updatedAt: _updated, ...tenant }: StoredTenant): Tenant {
  return tenant;
}
