import type { User } from "./tenant.js";
import { TenantInvalid } from "./tenant-failure.js";
import type { UserInput } from "./tenant-input.js";

/** A user on its own: the tenant's other fields and users stay. */
export type UserPatch = Partial<UserInput>;

/** A stored user as a PUT would give it, without the password, which stays. */
export function inputOf(user: User): UserInput {
  return {
    db_user: user.dbUser,
    db_user_alias: user.dbUserAlias,
    pool_size: user.poolSize,
    mode_type: user.modeType,
    is_manager: user.isManager,
    pool_checkout_timeout: user.poolCheckoutTimeoutMs,
    max_clients: user.maxClients,
  };
}

/** @throws TenantInvalid */
export function mergedInput(dbUser: string, patch: UserPatch, stored: UserInput | undefined): UserInput {
  if (patch.db_user !== undefined && patch.db_user !== dbUser) {
    throw new TenantInvalid({ db_user: [`must be ${JSON.stringify(dbUser)}, as in the path, or left out`] });
  }
  const poolSize = patch.pool_size ?? stored?.pool_size;
  if (poolSize === undefined) throw new TenantInvalid({ pool_size: ["can't be blank"] });
  return { ...stored, ...patch, db_user: dbUser, pool_size: poolSize };
}
