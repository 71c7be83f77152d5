import { ApiRefused, type Sluice, type Stored, type TenantRecord, tenantPath } from "../client/index.js";
import {
  type Change,
  type Diagnostic,
  type Path,
  problem,
  Refused,
  type Resource,
} from "../framework/index.js";
import { isValues, Unknown, type Values } from "../protocol/index.js";
import { explained, previewed } from "./api-diagnostics.js";
import { differing } from "./differing.js";
import { settled, settledRemoval, withAcked } from "./fleet-progress.js";
import { passwordProblems } from "./password.js";
import { createOnce, putUnlessChanged, removeIfSame, type Wanted } from "./stored-change.js";
import { tenantContent, tenantState } from "./tenant-content.js";
import { TENANT_SCHEMA } from "./tenant-schema.js";
import { textOf } from "./texts.js";
import { deadlineOf, type Operation } from "./timeouts.js";

export const tenant: Resource<Sluice> = {
  schema: TENANT_SCHEMA,
  importId: "external_id",

  validate: (config) => [...managerProblems(config), ...tlsProblems(config)],

  preview: (sluice, change, prior) =>
    previewed(
      () => sluice.tenants.dryRun(pathOf(change.planned), tenantContent(change, prior)),
      `plan the ${nameOf(change.planned)}`,
      fieldPath(change.config),
      [/^(external_id|sni_hostname)$/],
    ),

  planned({ renewals }, { external_id: name = null }, prior) {
    if (prior !== null) renewals.hold(textOf(prior.external_id));
    else if (typeof name === "string") renewals.plan(name);
    return [];
  },

  async read(sluice, state) {
    const stored = await explained(`read the ${nameOf(state)}`, sluice.tenants.find(pathOf(state)));
    if (stored === undefined) return null;
    sluice.renewals.hold(stored.record.external_id);
    return withAcked(sluice, tenantState(sluice, stored, state), stored.record.regions);
  },

  async create(sluice, change) {
    const wanted = wantedOf(sluice, change, null, "create");
    const work = createOnce(wanted, `sluice_tenant.NAME ${textOf(change.planned.external_id)}`);
    return finished(
      sluice,
      change,
      wanted,
      await explained(`create the ${wanted.what}`, work, fieldPath(change.config)),
    );
  },

  async update(sluice, change) {
    const wanted = wantedOf(sluice, change, change.prior, "update");
    const differences = (record: TenantRecord): readonly string[] => {
      const now = tenantState(sluice, { record, etag: "", generation: undefined }, change.prior);
      return differing(TENANT_SCHEMA, now, change.prior);
    };
    const work = sluice.turns.take(wanted.path, () => putUnlessChanged(wanted, differences));
    return finished(
      sluice,
      change,
      wanted,
      await explained(`change the ${wanted.what}`, work, fieldPath(change.config)),
    );
  },

  async remove(sluice, prior) {
    const deadline = deadlineOf(prior, "delete", sluice.api.clock);
    const isSame = (record: TenantRecord): boolean => record.id === prior.id;
    const path = pathOf(prior);
    const work = sluice.turns.take(path, () => removeIfSame(sluice.tenants, path, isSame, deadline));
    const generation = await explained(`delete the ${nameOf(prior)}`, orInCluster(work));
    await settledRemoval(sluice, nameOf(prior), prior, generation, deadline);
  },

  async import(sluice, id) {
    const stored = await explained(
      `import the tenant ${JSON.stringify(id)}`,
      sluice.tenants.find(tenantPath(id)),
    );
    if (stored !== undefined)
      return withAcked(sluice, tenantState(sluice, stored, {}), stored.record.regions);
    const text = `The control plane has no tenant ${JSON.stringify(id)}. The id is the tenant's external_id.`;
    throw new Refused([problem("There is no such tenant", text)]);
  },
};

function wantedOf(
  { tenants, api }: Sluice,
  change: Change,
  prior: Values | null,
  operation: Operation,
): Wanted<TenantRecord> {
  const { planned } = change;
  return {
    things: tenants,
    path: pathOf(planned),
    content: tenantContent(change, prior),
    what: nameOf(planned),
    deadline: deadlineOf(planned, operation, api.clock),
  };
}

function finished(
  sluice: Sluice,
  { planned }: Change,
  { what, deadline }: Wanted<TenantRecord>,
  stored: Stored<TenantRecord>,
): Promise<Values> {
  return settled(sluice, what, tenantState(sluice, stored, planned), stored.record.regions, deadline);
}

/** Terraform deletes before it changes what refers to the deleted, unless what refers to it says otherwise. */
async function orInCluster<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ApiRefused) || error.status !== 409) throw error;
    const hint =
      "Take it out of the cluster first. Where it leaves the cluster, or gets another name, in the same apply, the " +
      "sluice_cluster needs lifecycle { create_before_destroy = true }";
    throw new ApiRefused(409, `${error.message}. ${hint}`, {}, error.requestId);
  }
}

function pathOf(values: Values): string {
  return tenantPath(textOf(values.external_id));
}

function nameOf(values: Values): string {
  return `tenant ${JSON.stringify(values.external_id)}`;
}

function managerProblems(config: Values): readonly Diagnostic[] {
  const { require_user: requireUser = null, auth_query: authQuery = null, manager = null } = config;
  if (requireUser instanceof Unknown) return [];
  const given = isValues(manager) ? passwordProblems(manager, ["manager"]) : [];
  if (requireUser === true) {
    if (manager === null) return given;
    const text =
      "With require_user = true nobody is asked by auth_query. Make the role a sluice_tenant_user instead.";
    return [problem("A manager is not needed", text, ["manager", "db_user"])];
  }
  const missing: Diagnostic[] = [];
  if (authQuery === null) {
    const text =
      "While require_user is false, the database is asked about users: give auth_query and a manager block.";
    missing.push(problem("No auth_query", text, ["auth_query"]));
  }
  if (manager === null) {
    const text = "While require_user is false, auth_query needs a role to run as: give a manager block.";
    missing.push(problem("No manager", text));
  }
  return [...missing, ...given];
}

function tlsProblems({
  upstream_ssl: ssl = null,
  upstream_verify: verify = null,
}: Values): readonly Diagnostic[] {
  if (ssl instanceof Unknown || verify instanceof Unknown || ssl === true || verify === null) return [];
  return [problem("No TLS to verify", "upstream_verify needs upstream_ssl = true.", ["upstream_verify"])];
}

/** The API counts the manager as the first of the users. */
function fieldPath(config: Values): (field: string) => Path | undefined {
  return (field) => {
    const [first = "", , third] = field.split(".");
    if (first !== "users") return first in TENANT_SCHEMA.attributes ? [first] : undefined;
    if (third !== "db_password") return third === undefined ? ["manager"] : ["manager", third];
    const writeOnly = isValues(config.manager) && (config.manager.password_wo ?? null) !== null;
    return ["manager", writeOnly ? "password_wo" : "password"];
  };
}
