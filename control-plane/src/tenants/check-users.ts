import { LIMITS } from "@sluice/shared/tenant";
import { checkBytes, checkName } from "./check-names.js";
import type { WantedUser } from "./merge-tenant.js";
import type { Problems } from "./problems.js";
import type { Tenant } from "./tenant.js";

/** Such a name and `.tenant` read as `user.cluster.alias`. */
const MEANS_CLUSTER = /\.cluster(\.|$)/;

/** The users of a PUT: each by itself, and all of them together. */
export function checkUsers(
  users: readonly WantedUser[],
  stored: Tenant | undefined,
  problems: Problems,
): void {
  const firstAt = new Map<string, number>();
  users.forEach((user, index) => {
    const first = firstAt.get(user.dbUser);
    if (first === undefined) firstAt.set(user.dbUser, index);
    else problems.add(`users.${index}.db_user`, `is the same as users.${first}.db_user`);
    checkName(`users.${index}.db_user`, user.dbUser, problems);
    if (MEANS_CLUSTER.test(user.dbUser)) {
      problems.add(
        `users.${index}.db_user`,
        'must not hold ".cluster." nor end with ".cluster": with the tenant behind it, it would mean a cluster',
      );
    }
    if (user.dbUserAlias !== user.dbUser) {
      checkBytes(`users.${index}.db_user_alias`, user.dbUserAlias, LIMITS.nameBytes, problems);
    }
    if (user.dbPassword !== undefined) {
      checkBytes(`users.${index}.db_password`, user.dbPassword, LIMITS.passwordBytes, problems);
    } else if (stored?.users.some(({ dbUser }) => dbUser === user.dbUser) !== true) {
      problems.add(`users.${index}.db_password`, "can't be blank: this user has no stored password");
    }
  });
  if (users.length > LIMITS.users) problems.add("users", `must have at most ${LIMITS.users} items`);
  checkAllPasswords(users, stored, problems);
  const [first, ...others] = users.flatMap((user, index) => (user.isManager ? [index] : []));
  for (const index of others) {
    problems.add(`users.${index}.is_manager`, `a tenant has one manager, and users.${first} is one`);
  }
}

function checkAllPasswords(
  users: readonly WantedUser[],
  stored: Tenant | undefined,
  problems: Problems,
): void {
  const known = new Map(stored?.users.map(({ dbUser, dbPassword }) => [dbUser, dbPassword]));
  const bytes = users.reduce(
    (sum, { dbUser, dbPassword }) => sum + Buffer.byteLength(dbPassword ?? known.get(dbUser) ?? ""),
    0,
  );
  if (bytes > LIMITS.allPasswordsBytes) {
    problems.add("users", `must have passwords of at most ${LIMITS.allPasswordsBytes} bytes together`);
  }
}
