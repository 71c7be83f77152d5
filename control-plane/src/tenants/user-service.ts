import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@sluice/shared/time";
import type { Difference } from "../audit/index.js";
import { mergeTenant } from "./merge-tenant.js";
import { asOwnProblems } from "./own-problems.js";
import { checkPrecondition, type Precondition } from "./precondition.js";
import type { StoredTenant, User } from "./tenant.js";
import { tenantDifference } from "./tenant-difference.js";
import { CredentialsNotStored, TenantUnknown, UserUnknown } from "./tenant-failure.js";
import type { UserInput } from "./tenant-input.js";
import type { ChangeRequest } from "./tenant-service.js";
import type { TenantChange, TenantStore, WantedChange } from "./tenant-store.js";
import { inputOf, mergedInput, type UserPatch } from "./user-input.js";
import { withSecrets } from "./user-secrets.js";

export interface UserChange {
  readonly user: User;
  readonly outcome: TenantChange["outcome"];
  readonly tenant: StoredTenant;
}

/** What operators do with single users of a tenant. */
export class UserService {
  readonly #store: TenantStore;
  readonly #clock: Clock;

  constructor(store: TenantStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws TenantUnknown, UserUnknown */
  async get(externalId: string, dbUser: string): Promise<{ user: User; tenant: StoredTenant }> {
    const tenant = await this.#store.find(externalId);
    if (tenant === undefined) throw new TenantUnknown(externalId);
    return { user: userOf(tenant, dbUser), tenant };
  }

  /**
   * Adds or merges: keys that are absent stay, or take their default in a new user.
   * @throws TenantUnknown, TenantInvalid, PreconditionFailed
   */
  async put(
    externalId: string,
    dbUser: string,
    patch: UserPatch,
    request: ChangeRequest,
  ): Promise<UserChange> {
    let added = false;
    const change = await this.#store.change(externalId, request.actor, async (stored) => {
      if (stored === undefined) throw new TenantUnknown(externalId);
      checkUserPrecondition(request.precondition, stored, dbUser);
      added = !stored.users.some((user) => user.dbUser === dbUser);
      return this.#withUser(stored, dbUser, patch);
    });
    return {
      user: userOf(change.tenant, dbUser),
      outcome: added ? "created" : change.outcome,
      tenant: change.tenant,
    };
  }

  /** What `put` would do, without doing it. @throws as `put` */
  async preview(
    externalId: string,
    dbUser: string,
    patch: UserPatch,
    precondition: Precondition,
  ): Promise<{ readonly outcome: TenantChange["outcome"]; readonly difference: Difference }> {
    const stored = await this.#store.find(externalId);
    if (stored === undefined) throw new TenantUnknown(externalId);
    checkUserPrecondition(precondition, stored, dbUser);
    const wanted = await this.#withUser(stored, dbUser, patch);
    if (wanted === undefined) return { outcome: "unchanged", difference: {} };
    const known = stored.users.some((user) => user.dbUser === dbUser);
    return {
      outcome: known ? "updated" : "created",
      difference: tenantDifference(stored, wanted.tenant),
    };
  }

  /** @throws TenantUnknown, UserUnknown, TenantInvalid, PreconditionFailed */
  async remove(externalId: string, dbUser: string, request: ChangeRequest): Promise<void> {
    await this.#store.change(externalId, request.actor, async (stored) => {
      if (stored === undefined) throw new TenantUnknown(externalId);
      userOf(stored, dbUser);
      checkPrecondition(request.precondition, stored);
      return this.#wanted(
        stored,
        stored.users.map(inputOf).filter((user) => user.db_user !== dbUser),
        undefined,
      );
    });
  }

  /**
   * Another name and password for the manager of a tenant with require_user false; sessions go on.
   * @throws TenantUnknown, CredentialsNotStored, TenantInvalid, PreconditionFailed
   */
  updateManager(
    externalId: string,
    credentials: { readonly dbUser: string; readonly dbPassword: string },
    request: ChangeRequest,
  ): Promise<TenantChange> {
    const { dbUser, dbPassword } = credentials;
    return this.#store.change(externalId, request.actor, async (stored) => {
      if (stored === undefined) throw new TenantUnknown(externalId);
      checkPrecondition(request.precondition, stored);
      if (stored.requireUser) throw new CredentialsNotStored("require-user");
      const at = stored.users.findIndex((user) => user.isManager);
      const manager = stored.users[at];
      if (manager === undefined) throw new CredentialsNotStored("no-manager");
      const inputs = stored.users.map(inputOf);
      const { db_user_alias: alias, ...kept } = inputOf(manager);
      const own = alias === undefined || alias === manager.dbUser ? {} : { db_user_alias: alias };
      inputs[at] = { ...kept, ...own, db_user: dbUser, db_password: dbPassword };
      const changed = await this.#wanted(stored, inputs, at);
      if (changed === undefined) return undefined;
      const tenant = { ...changed.tenant, credentialsSeq: stored.credentialsSeq + 1 };
      return { tenant, action: "credentials-updated" };
    });
  }

  #withUser(stored: StoredTenant, dbUser: string, patch: UserPatch): Promise<WantedChange | undefined> {
    const inputs = stored.users.map(inputOf);
    const at = inputs.findIndex((user) => user.db_user === dbUser);
    const place = at < 0 ? inputs.length : at;
    inputs[place] = mergedInput(dbUser, patch, inputs[at]);
    return this.#wanted(stored, inputs, place);
  }

  async #wanted(stored: StoredTenant, inputs: readonly UserInput[], place: number | undefined) {
    const { users } = asOwnProblems(place, () =>
      mergeTenant(stored.externalId, { users: inputs }, stored, this.#clock.now()),
    );
    const { id: _id, version: _version, insertedAt: _inserted, updatedAt: _updated, ...before } = stored;
    const tenant = { ...before, users: await withSecrets(users ?? [], stored) };
    return isDeepStrictEqual(before, tenant) ? undefined : { tenant, action: "updated" as const };
  }
}

/** A user has its tenant's tag; but `If-None-Match: *` asks whether this user is there. */
function checkUserPrecondition(precondition: Precondition, tenant: StoredTenant, dbUser: string): void {
  const { ifNoneMatch, ...others } = precondition;
  checkPrecondition(others, tenant);
  if (ifNoneMatch === undefined) return;
  const there = tenant.users.some((user) => user.dbUser === dbUser);
  checkPrecondition({ ifNoneMatch }, there ? tenant : undefined);
}

function userOf(tenant: StoredTenant, dbUser: string): User {
  const user = tenant.users.find((candidate) => candidate.dbUser === dbUser);
  if (user === undefined) throw new UserUnknown(tenant.externalId, dbUser);
  return user;
}
