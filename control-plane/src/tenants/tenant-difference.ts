import { type Difference, differenceOf } from "../audit/index.js";
import { publicFields, publicUser } from "./public-fields.js";
import type { Tenant, User } from "./tenant.js";

/** What a change makes of a tenant, in the names of the API. Users are told apart by name, not by place. */
export function tenantDifference(before: Tenant | undefined, after: Tenant | undefined): Difference {
  return {
    ...differenceOf(fieldsOf(before), fieldsOf(after)),
    ...usersDifference(before?.users ?? [], after?.users ?? []),
  };
}

function fieldsOf(tenant: Tenant | undefined): Readonly<Record<string, unknown>> | undefined {
  if (tenant === undefined) return undefined;
  const { users: _, ...fields } = publicFields(tenant);
  return {
    ...fields,
    terminate_seq: tenant.terminateSeq,
    credentials_seq: tenant.credentialsSeq,
    bans_cleared_at: tenant.bansClearedAt?.toISOString() ?? null,
    cleared_bans: tenant.clearedBans,
  };
}

function usersDifference(before: readonly User[], after: readonly User[]): Difference {
  const stored = new Map(before.map((user) => [user.dbUser, user]));
  const wanted = new Map(after.map((user) => [user.dbUser, user]));
  const parts: Difference[] = [];
  for (const name of new Set([...stored.keys(), ...wanted.keys()])) {
    const from = stored.get(name);
    const to = wanted.get(name);
    if (from === undefined || to === undefined) {
      parts.push({
        [`users.${name}`]: { from: from ? publicUser(from) : null, to: to ? publicUser(to) : null },
      });
      continue;
    }
    parts.push(differenceOf(publicUser(from), publicUser(to), `users.${name}.`));
    if (from.dbPassword !== to.dbPassword) parts.push({ [`users.${name}.db_password`]: "changed" });
  }
  return Object.assign({}, ...parts);
}
