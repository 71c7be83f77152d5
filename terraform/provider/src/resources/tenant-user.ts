import { type Sluice, type TenantRecord, tenantPath, type UserRecord, userPath } from "../client/index.js";
import { type Change, type Path, problem, Refused, type Resource } from "../framework/index.js";
import type { Value, Values } from "../protocol/index.js";
import { explained, previewed } from "./api-diagnostics.js";
import { differing } from "./differing.js";
import { settled, settledRemoval, withAcked } from "./fleet-progress.js";
import { passwordProblems, passwordState, passwordToSend } from "./password.js";
import { poolerUris } from "./pooler-uris.js";
import {
  alreadyThere,
  asWanted,
  changedOutside,
  removeIfSame,
  type Wanted,
  whileOthersChange,
} from "./stored-change.js";
import { checkSameTenant } from "./tenant-identity.js";
import { TENANT_USER_SCHEMA } from "./tenant-user-schema.js";
import { textOf } from "./texts.js";
import { deadlineOf } from "./timeouts.js";

const SETTINGS = ["pool_size", "mode_type", "pool_checkout_timeout", "max_clients"] as const;

export const tenantUser: Resource<Sluice> = {
  schema: TENANT_USER_SCHEMA,
  importId: "tenant/db_user",
  validate: (config) => passwordProblems(config, []),

  preview: (sluice, change, prior) =>
    previewed(
      () => sluice.users.dryRun(pathOf(change.planned), contentOf(change, prior)),
      `plan the ${nameOf(change.planned)}`,
      fieldPath(change.config),
      [/^users/],
    ),

  planned: ({ renewals }, { tenant }) => (renewals.has(tenant) ? ["tenant_id"] : []),

  read: (sluice, state) => explained(`read the ${nameOf(state)}`, found(sluice, state)),

  async create(sluice, change) {
    const work = put(sluice, change, null);
    return explained(`create the ${nameOf(change.planned)}`, work, fieldPath(change.config));
  },

  async update(sluice, change) {
    const work = put(sluice, change, change.prior);
    return explained(`change the ${nameOf(change.planned)}`, work, fieldPath(change.config));
  },

  async remove(sluice, prior) {
    const deadline = deadlineOf(prior, "delete", sluice.api.clock);
    const work = sluice.turns.take(tenantPathOf(prior), () =>
      removeIfSame(sluice.users, pathOf(prior), () => true, deadline),
    );
    const generation = await explained(`delete the ${nameOf(prior)}`, work);
    await settledRemoval(sluice, nameOf(prior), prior, generation, deadline);
  },

  async import(sluice, id) {
    const [tenant = "", ...rest] = id.split("/");
    const dbUser = rest.join("/");
    const known = { tenant, db_user: dbUser };
    // One that could be read with its tenant, and never be changed or deleted, is not begun with.
    if (dbUser !== "") pathOf(known);
    const state = dbUser === "" ? null : await explained(`import the user ${id}`, found(sluice, known));
    if (state !== null) return state;
    const text = `The control plane has no user ${JSON.stringify(id)}. The id is tenant/db_user.`;
    throw new Refused([problem("There is no such user", text)]);
  },
};

async function found(sluice: Sluice, known: Values): Promise<Values | null> {
  const tenant = await sluice.tenants.find(tenantPathOf(known));
  const user = tenant?.record.users.find(({ db_user }) => db_user === known.db_user);
  if (tenant === undefined || user === undefined) return null;
  const state = stateOf(sluice, tenant.record, user, tenant.generation, known);
  return withAcked(sluice, state, tenant.record.regions);
}

/** The tenant says both, whether the user is there and which version is changed: users have none of their own. */
async function put(sluice: Sluice, change: Change, prior: Values | null): Promise<Values> {
  const { planned } = change;
  const wanted = wantedOf(sluice, change, prior);
  const { things, path, content, what, deadline } = wanted;
  const attempt = async (
    mayBeDone: boolean,
  ): Promise<{ state: Values; regions: readonly string[] | null }> => {
    const tenant = await sluice.tenants.find(tenantPathOf(planned), deadline);
    if (tenant === undefined) throw new Refused([noTenant(planned)]);
    const { record } = tenant;
    checkSameTenant(what, prior, record);
    const user = record.users.find(({ db_user }) => db_user === planned.db_user);
    const now = user === undefined ? {} : stateOf(sluice, record, user, tenant.generation, prior ?? {});
    const changed = prior === null ? [] : differing(TENANT_USER_SCHEMA, now, prior);
    const isTaken = prior === null && user !== undefined;
    if (isTaken || changed.length > 0) {
      const own = mayBeDone ? await asWanted(wanted) : undefined;
      if (own === undefined) {
        const address = importAddress(planned);
        throw new Refused([isTaken ? alreadyThere(what, address) : changedOutside(what, changed)]);
      }
      const made = stateOf(sluice, record, own.record, tenant.generation, planned);
      return { state: made, regions: record.regions };
    }
    const stored = await things.put(path, content, { etag: tenant.etag }, deadline);
    const made = stateOf(sluice, record, stored.record, stored.generation, planned);
    return { state: made, regions: record.regions };
  };
  const { state, regions } = await sluice.turns.take(tenantPathOf(planned), () => whileOthersChange(attempt));
  return settled(sluice, what, state, regions, deadline);
}

function wantedOf({ users, api }: Sluice, change: Change, prior: Values | null): Wanted<UserRecord> {
  const { planned } = change;
  return {
    things: users,
    path: pathOf(planned),
    content: contentOf(change, prior),
    what: nameOf(planned),
    deadline: deadlineOf(planned, prior === null ? "create" : "update", api.clock),
  };
}

function contentOf({ planned, config }: Change, prior: Values | null): Record<string, unknown> {
  const password = passwordToSend(config, planned, prior);
  return {
    ...Object.fromEntries(SETTINGS.map((name) => [name, planned[name] ?? null])),
    ...(password === undefined ? {} : { db_password: password }),
  };
}

function stateOf(
  sluice: Sluice,
  { id: tenantId, external_id: tenant, db_database: database }: TenantRecord,
  user: UserRecord,
  generation: number | undefined,
  known: Values,
): Values {
  return {
    id: `${tenant}/${user.db_user}`,
    tenant,
    tenant_id: tenantId,
    db_user: user.db_user,
    ...passwordState(known, known.password_fingerprint ?? null, user.db_password_fingerprint),
    password_fingerprint: user.db_password_fingerprint ?? null,
    pool_size: user.pool_size,
    mode_type: user.mode_type,
    pool_checkout_timeout: user.pool_checkout_timeout,
    max_clients: user.max_clients,
    wait_for_fleet: known.wait_for_fleet ?? false,
    generation: generation ?? null,
    acked: null,
    pooler_uri: poolerUris(sluice, { tenant, database, user: user.db_user }),
    timeouts: known.timeouts ?? null,
  };
}

function tenantPathOf(values: Values): string {
  return tenantPath(textOf(values.tenant));
}

function pathOf(values: Values): string {
  return userPath(textOf(values.tenant), textOf(values.db_user));
}

function nameOf(values: Values): string {
  return `user ${JSON.stringify(values.db_user)} of tenant ${JSON.stringify(values.tenant)}`;
}

function importAddress({ tenant = null, db_user: dbUser = null }: Values): string {
  return `sluice_tenant_user.NAME ${String(tenant)}/${String(dbUser)}`;
}

function noTenant({ tenant = null }: Values) {
  const text = `There is no tenant ${JSON.stringify(tenant)}. Refer to sluice_tenant.NAME.external_id, so that it is made first.`;
  return problem("The user's tenant is not there", text, ["tenant"]);
}

function fieldPath(config: Values): (field: string) => Path | undefined {
  const writeOnly: Value = config.password_wo ?? null;
  return (field) => {
    if (field === "db_password") return [writeOnly === null ? "password" : "password_wo"];
    const [first = ""] = field.split(".");
    return first in TENANT_USER_SCHEMA.attributes ? [first] : undefined;
  };
}
