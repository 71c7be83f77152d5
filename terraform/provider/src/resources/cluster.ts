import { LIMITS } from "@sluice/shared/tenant";
import { type ClusterRecord, clusterPath, type Sluice, type Stored } from "../client/index.js";
import {
  atMost,
  attribute,
  type Change,
  nestedAttribute,
  oneOf,
  type Path,
  problem,
  Refused,
  type Resource,
  type Schema,
} from "../framework/index.js";
import { isList, isValues, type Value, type Values } from "../protocol/index.js";
import { explained, previewed } from "./api-diagnostics.js";
import { differing } from "./differing.js";
import { ACKED, GENERATION, settled, settledRemoval, WAIT_FOR_FLEET, withAcked } from "./fleet-progress.js";
import { createOnce, putUnlessChanged, removeIfSame, type Wanted } from "./stored-change.js";
import { externalId } from "./tenant-schema.js";
import { textOf } from "./texts.js";
import { deadlineOf, TIMEOUTS } from "./timeouts.js";

export const CLUSTER_SCHEMA: Schema = {
  description:
    "Several tenants under one name. A client of `user.cluster.alias` gets the first active write member, else the first " +
    "active read member.",
  attributes: {
    id: attribute("string", "Of the control plane.", { computed: true, keptUnless: ["alias"] }),
    alias: attribute(
      "string",
      "Stands in a user name, `user.cluster.alias`. Another name is another cluster.",
      {
        required: true,
        replaces: true,
        checks: [externalId],
      },
    ),
    active: attribute("bool", "Whether clients are served.", { default: true }),
    members: nestedAttribute(
      {
        mode: "list",
        attributes: {
          tenant: attribute("string", "The `external_id` of a tenant.", {
            required: true,
            checks: [externalId],
          }),
          type: attribute("string", "`write` or `read`.", {
            required: true,
            checks: [oneOf("write", "read")],
          }),
          active: attribute("bool", "Whether it serves clients.", { default: true }),
        },
      },
      "The tenants, in the order in which they are tried. A tenant may be in several clusters.",
      { required: true, checks: [atMost(LIMITS.clusterMembers, "members")] },
    ),
    wait_for_fleet: WAIT_FOR_FLEET,
    generation: GENERATION,
    acked: ACKED,
    inserted_at: attribute("string", "When it was made.", { computed: true, keptUnless: ["alias"] }),
    updated_at: attribute("string", "When it was changed last.", { computed: true }),
  },
  blocks: { timeouts: TIMEOUTS },
};

export const cluster: Resource<Sluice> = {
  schema: CLUSTER_SCHEMA,
  importId: "alias",

  preview: (sluice, change) =>
    previewed(
      () => sluice.clusters.dryRun(pathOf(change.planned), contentOf(change)),
      `plan the ${nameOf(change.planned)}`,
      fieldPath,
      [/^alias$/, /tenant_external_id$/],
    ),

  /** A member that is made anew has to leave before. */
  planned({ renewals }, { members }, prior) {
    const before = namesOf(prior?.members);
    return namesOf(members).some((name) => before.includes(name) && renewals.has(name)) ? ["id"] : [];
  },

  async read(sluice, state) {
    const stored = await explained(`read the ${nameOf(state)}`, sluice.clusters.find(pathOf(state)));
    return stored === undefined ? null : withAcked(sluice, clusterState(stored, state), null);
  },

  async create(sluice, change) {
    const wanted = wantedOf(sluice, change, "create");
    const work = createOnce(wanted, `sluice_cluster.NAME ${textOf(change.planned.alias)}`);
    const stored = await explained(`create the ${wanted.what}`, work, fieldPath);
    return settled(sluice, wanted.what, clusterState(stored, change.planned), null, wanted.deadline);
  },

  async update(sluice, change) {
    const wanted = wantedOf(sluice, change, "update");
    const work = putUnlessChanged(wanted, (record) => {
      const now = clusterState({ record, etag: "", generation: undefined }, change.prior);
      return differing(CLUSTER_SCHEMA, now, change.prior);
    });
    const stored = await explained(`change the ${wanted.what}`, work, fieldPath);
    return settled(sluice, wanted.what, clusterState(stored, change.planned), null, wanted.deadline);
  },

  async remove(sluice, prior) {
    const deadline = deadlineOf(prior, "delete", sluice.api.clock);
    const work = removeIfSame(sluice.clusters, pathOf(prior), ({ id }) => id === prior.id, deadline);
    const generation = await explained(`delete the ${nameOf(prior)}`, work);
    await settledRemoval(sluice, nameOf(prior), prior, generation, deadline);
  },

  async import(sluice, id) {
    const stored = await explained(
      `import the cluster ${JSON.stringify(id)}`,
      sluice.clusters.find(clusterPath(id)),
    );
    if (stored !== undefined) return withAcked(sluice, clusterState(stored, {}), null);
    const text = `The control plane has no cluster ${JSON.stringify(id)}. The id is the cluster's alias.`;
    throw new Refused([problem("There is no such cluster", text)]);
  },
};

/** A cluster as it is, with what the API does not know as `known` has it. */
export function clusterState({ record, generation }: Stored<ClusterRecord>, known: Values): Values {
  return {
    id: record.id,
    alias: record.alias,
    active: record.active,
    members: record.cluster_tenants.map(({ tenant_external_id: tenant, type, active }) => ({
      tenant,
      type,
      active,
    })),
    wait_for_fleet: known.wait_for_fleet ?? false,
    generation: generation ?? null,
    acked: null,
    inserted_at: record.inserted_at,
    updated_at: record.updated_at,
    timeouts: known.timeouts ?? null,
  };
}

function wantedOf(
  { clusters, api }: Sluice,
  change: Change,
  operation: "create" | "update",
): Wanted<ClusterRecord> {
  const { planned } = change;
  return {
    things: clusters,
    path: pathOf(planned),
    content: contentOf(change),
    what: nameOf(planned),
    deadline: deadlineOf(planned, operation, api.clock),
  };
}

function contentOf({ planned }: Change): Record<string, unknown> {
  const members = isList(planned.members) ? planned.members.filter(isValues) : [];
  return {
    active: planned.active ?? null,
    cluster_tenants: members.map(({ tenant = null, type = null, active = null }) => ({
      tenant_external_id: tenant,
      type,
      active,
    })),
  };
}

function namesOf(members: Value | undefined): readonly Value[] {
  return isList(members) ? members.filter(isValues).map(({ tenant = null }) => tenant) : [];
}

function pathOf(values: Values): string {
  return clusterPath(textOf(values.alias));
}

function nameOf(values: Values): string {
  return `cluster ${JSON.stringify(values.alias)}`;
}

function fieldPath(field: string): Path | undefined {
  const [first = "", place, name] = field.split(".");
  if (first !== "cluster_tenants") return first in CLUSTER_SCHEMA.attributes ? [first] : undefined;
  if (place === undefined) return ["members"];
  if (name === undefined) return ["members", Number(place)];
  return ["members", Number(place), name === "tenant_external_id" ? "tenant" : name];
}
