import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@sluice/shared/time";
import type { Actor, Difference } from "../audit/index.js";
import { mergeTenant } from "./merge-tenant.js";
import { ordersOf } from "./orders.js";
import { checkPrecondition, type Precondition } from "./precondition.js";
import type { StoredTenant, Tenant } from "./tenant.js";
import { tenantDifference } from "./tenant-difference.js";
import { TenantUnknown } from "./tenant-failure.js";
import type { TenantInput } from "./tenant-input.js";
import type { TenantChange, TenantFilter, TenantStore } from "./tenant-store.js";
import { withSecrets } from "./user-secrets.js";

export interface TenantPage {
  readonly tenants: readonly StoredTenant[];
  /** The external_id behind which the next page begins; null: this is the last one. */
  readonly nextAfter: string | null;
}

/** Who asks for a change, and what must be true for it. */
export interface ChangeRequest {
  readonly actor: Actor;
  readonly precondition: Precondition;
}

/** What a PUT would do. */
export interface TenantPreview {
  readonly tenant: Tenant;
  readonly outcome: TenantChange["outcome"];
  readonly difference: Difference;
}

/** What operators do with tenants. */
export class TenantService {
  readonly #store: TenantStore;
  readonly #clock: Clock;

  constructor(store: TenantStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws TenantUnknown */
  async get(externalId: string): Promise<StoredTenant> {
    const tenant = await this.#store.find(externalId);
    if (tenant === undefined) throw new TenantUnknown(externalId);
    return tenant;
  }

  /** Ordered by external_id. */
  async list(filter: TenantFilter, after: string | undefined, limit: number): Promise<TenantPage> {
    const found = await this.#store.list(filter, after, limit + 1);
    const tenants = found.slice(0, limit);
    return { tenants, nextAfter: found.length > limit ? (tenants.at(-1)?.externalId ?? null) : null };
  }

  /**
   * Creates or merges. One that changes nothing writes nothing and takes no generation. The tenant's database is not
   * asked: the control plane may not reach it.
   * @throws TenantInvalid, PreconditionFailed
   */
  put(externalId: string, input: TenantInput, request: ChangeRequest): Promise<TenantChange> {
    return this.#store.change(externalId, request.actor, async (stored) => {
      checkPrecondition(request.precondition, stored);
      const tenant = await this.#wanted(externalId, input, stored);
      if (tenant === undefined) return undefined;
      return { tenant, action: stored === undefined ? "created" : "updated" };
    });
  }

  /** What `put` would do, without doing it. @throws as `put` */
  async preview(externalId: string, input: TenantInput, precondition: Precondition): Promise<TenantPreview> {
    const stored = await this.#store.find(externalId);
    checkPrecondition(precondition, stored);
    const wanted = await this.#wanted(externalId, input, stored);
    if (wanted === undefined) {
      return { tenant: stored ?? (await this.get(externalId)), outcome: "unchanged", difference: {} };
    }
    await this.#store.checkNames(wanted);
    return {
      tenant: wanted,
      outcome: stored === undefined ? "created" : "updated",
      difference: tenantDifference(stored, wanted),
    };
  }

  /** @throws TenantUnknown, TenantInCluster, PreconditionFailed */
  async remove(externalId: string, { actor, precondition }: ChangeRequest): Promise<void> {
    const check = (stored: StoredTenant): void => checkPrecondition(precondition, stored);
    if (!(await this.#store.remove(externalId, actor, check))) throw new TenantUnknown(externalId);
  }

  /** Undefined: it is as it should be. */
  async #wanted(
    externalId: string,
    input: TenantInput,
    stored: StoredTenant | undefined,
  ): Promise<Tenant | undefined> {
    const wanted = mergeTenant(externalId, input, stored, this.#clock.now());
    const users =
      wanted.users === undefined ? (stored?.users ?? []) : await withSecrets(wanted.users, stored);
    const tenant: Tenant = { ...wanted, users, ...ordersOf(stored) };
    return stored !== undefined && isDeepStrictEqual(contentOf(stored), tenant) ? undefined : tenant;
  }
}

/** All but what the database adds. */
function contentOf(stored: StoredTenant): Tenant {
  const { id: _id, version: _version, insertedAt: _inserted, updatedAt: _updated, ...tenant } = stored;
  return tenant;
}
