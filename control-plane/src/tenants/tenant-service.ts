import { isDeepStrictEqual } from "node:util";
import { formatVerifier, makeVerifier } from "@sluice/shared/secrets";
import type { StoredTenant, Tenant, User } from "./tenant.js";
import { TenantUnknown } from "./tenant-failure.js";
import { mergeTenant, type TenantInput, type WantedUser } from "./tenant-input.js";
import type { TenantStore } from "./tenant-store.js";

export interface Page {
  readonly tenants: readonly StoredTenant[];
  readonly nextCursor: string | null;
}

const PAGE_SIZE = 100;

/** What operators do with tenants. */
export class TenantService {
  readonly #store: TenantStore;

  constructor(store: TenantStore) {
    this.#store = store;
  }

  /** @throws TenantUnknown */
  async get(externalId: string): Promise<StoredTenant> {
    const tenant = await this.#store.find(externalId);
    if (tenant === undefined) throw new TenantUnknown();
    return tenant;
  }

  /** By external_id; `cursor` is the last one of the page before. */
  async list(cursor: string | undefined): Promise<Page> {
    const found = await this.#store.list(cursor, PAGE_SIZE + 1);
    const tenants = found.slice(0, PAGE_SIZE);
    return { tenants, nextCursor: found.length > PAGE_SIZE ? (tenants.at(-1)?.externalId ?? null) : null };
  }

  /** Creates or merges; one that changes nothing writes nothing. @throws TenantInvalid */
  put(
    externalId: string,
    input: TenantInput,
  ): Promise<{ tenant: StoredTenant; created: boolean; changed: boolean }> {
    return this.#store.change(externalId, async (stored) => {
      const wanted = mergeTenant(externalId, input, stored);
      const users =
        wanted.users === undefined ? (stored?.users ?? []) : await withSecrets(wanted.users, stored);
      const tenant: Tenant = { ...wanted, users };
      return stored !== undefined && isDeepStrictEqual(contentOf(stored), contentOf(tenant))
        ? undefined
        : tenant;
    });
  }

  /** @throws TenantUnknown */
  async remove(externalId: string): Promise<void> {
    if (!(await this.#store.remove(externalId))) throw new TenantUnknown();
  }
}

/** An unchanged password keeps its verifier: a new salt would be a change that nobody asked for. */
async function withSecrets(users: readonly WantedUser[], stored: Tenant | undefined): Promise<User[]> {
  const result: User[] = [];
  for (const user of users) {
    const known = stored?.users.find(({ dbUser }) => dbUser === user.dbUser);
    const dbPassword = user.dbPassword ?? known?.dbPassword ?? "";
    const verifier =
      known !== undefined && known.dbPassword === dbPassword
        ? known.verifier
        : formatVerifier(await makeVerifier(dbPassword));
    result.push({ ...user, dbPassword, verifier });
  }
  return result;
}

function contentOf(tenant: Tenant | StoredTenant): unknown {
  const { id: _id, insertedAt: _insertedAt, updatedAt: _updatedAt, ...content } = tenant as StoredTenant;
  return content;
}
