import { LIMITS } from "@sluice/shared/tenant";
import { type Condition, type Sluice, type Stored, type TenantRecord, tenantPath } from "../client/index.js";
import {
  attribute,
  bytes,
  type Check,
  problem,
  Refused,
  type Resource,
  type Schema,
} from "../framework/index.js";
import type { Value, Values } from "../protocol/index.js";
import { explained } from "./api-diagnostics.js";
import { differing } from "./differing.js";
import { ACKED, GENERATION, settled, settledRemoval, WAIT_FOR_FLEET, withAcked } from "./fleet-progress.js";
import { changedOutside, waysOut, whileOthersChange } from "./stored-change.js";
import { checkSameTenant, TENANT_ID } from "./tenant-identity.js";
import { externalId } from "./tenant-schema.js";
import { textOf } from "./texts.js";
import { deadlineOf, type Operation, TIMEOUTS } from "./timeouts.js";

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const moment: Check = (value) =>
  typeof value === "string" && RFC3339.test(value) && !Number.isNaN(Date.parse(value))
    ? undefined
    : 'must be a time in RFC 3339, such as "2027-01-31T12:00:00Z"';

export const TENANT_BAN_SCHEMA: Schema = {
  description:
    "A ban of a tenant: while it is in force nobody logs in, and sessions are ended. Destroying it lifts the ban.",
  attributes: {
    id: attribute("string", "The tenant's `external_id`.", { computed: true, keptUnless: ["tenant"] }),
    tenant: attribute("string", "The tenant's `external_id`.", {
      required: true,
      replaces: true,
      checks: [externalId],
    }),
    tenant_id: TENANT_ID,
    reason: attribute("string", "Why. Clients read it.", {
      required: true,
      checks: [bytes(LIMITS.banReasonBytes)],
    }),
    until: attribute(
      "string",
      "When the ban ends by itself, in RFC 3339. Left out: when it is lifted. A ban that has ended stays in state; nothing " +
        "is planned for it.",
      { optional: true, checks: [moment] },
    ),
    banned_at: attribute("string", "Since when.", { computed: true }),
    wait_for_fleet: WAIT_FOR_FLEET,
    generation: GENERATION,
    acked: ACKED,
  },
  blocks: { timeouts: TIMEOUTS },
};

export const tenantBan: Resource<Sluice> = {
  schema: TENANT_BAN_SCHEMA,
  importId: "the tenant's external_id",

  planned: ({ renewals }, { tenant }) => (renewals.has(tenant) ? ["tenant_id"] : []),

  async read(sluice, state) {
    const stored = await explained(`read the ${nameOf(state)}`, sluice.tenants.find(pathOf(state)));
    if (stored === undefined) return null;
    // It has done what it was there for; who wants another one gives another end.
    if (stored.record.banned_at === null && isOver(state, sluice.api.clock.now())) return state;
    const now = banState(stored, state);
    return now === null ? null : withAcked(sluice, now, stored.record.regions);
  },

  create: (sluice, { planned }) =>
    explained(`make the ${nameOf(planned)}`, ban(sluice, planned, null), fieldPath),

  update: (sluice, { planned, prior }) =>
    explained(`change the ${nameOf(planned)}`, ban(sluice, planned, prior), fieldPath),

  async remove(sluice, prior) {
    const deadline = deadlineOf(prior, "delete", sluice.api.clock);
    const path = pathOf(prior);
    const attempt = async (): Promise<number | undefined> => {
      const stored = await sluice.tenants.find(path, deadline);
      // A ban of another moment is somebody else's.
      if (stored === undefined || stored.record.banned_at !== prior.banned_at) return undefined;
      return (await sluice.patchTenant(path, { banned: false }, { etag: stored.etag }, deadline)).generation;
    };
    const work = sluice.turns.take(path, () => whileOthersChange(attempt));
    const generation = await explained(`lift the ${nameOf(prior)}`, work);
    await settledRemoval(sluice, nameOf(prior), prior, generation, deadline);
  },

  async import(sluice, id) {
    const stored = await explained(
      `import the ban of ${JSON.stringify(id)}`,
      sluice.tenants.find(tenantPath(id)),
    );
    const state = stored === undefined ? null : banState(stored, {});
    if (state !== null) return withAcked(sluice, state, stored?.record.regions ?? null);
    const text = `There is no tenant ${JSON.stringify(id)} that is banned. The id is the tenant's external_id.`;
    throw new Refused([problem("There is no such ban", text)]);
  },
};

/** A ban that was there before is not taken, even where it is as wanted; one that came after the first try is ours. */
async function ban(sluice: Sluice, planned: Values, prior: Values | null): Promise<Values> {
  const operation: Operation = prior === null ? "create" : "update";
  const deadline = deadlineOf(planned, operation, sluice.api.clock);
  const attempt = async (
    mayBeDone: boolean,
  ): Promise<{ state: Values; regions: readonly string[] | null }> => {
    const stored = await sluice.tenants.find(pathOf(planned), deadline);
    if (stored === undefined) throw new Refused([noTenant(planned)]);
    checkSameTenant(nameOf(planned), prior, stored.record);
    const there = banState(stored, planned);
    if (
      (mayBeDone || prior !== null) &&
      there !== null &&
      differing(TENANT_BAN_SCHEMA, there, { ...planned, id: there.id ?? null }).length === 0
    ) {
      return { state: there, regions: stored.record.regions };
    }
    if (prior === null && there !== null) throw new Refused([bannedAlready(planned, there)]);
    if (prior !== null) {
      const now = banState(stored, prior);
      const changed = now === null ? [] : differing(TENANT_BAN_SCHEMA, now, prior);
      if (changed.length > 0) throw new Refused([changedOutside(nameOf(planned), changed)]);
    }
    const { reason = null, until = null } = planned;
    const body = { banned: true, ban_reason: reason, banned_until: until };
    const condition: Condition = { etag: stored.etag };
    const banned = await sluice.patchTenant(pathOf(planned), body, condition, deadline);
    const state = banState(banned, planned);
    if (state === null) throw new Error("the tenant is not banned after it was");
    return { state, regions: banned.record.regions };
  };
  const { state, regions } = await sluice.turns.take(pathOf(planned), () => whileOthersChange(attempt));
  return settled(sluice, nameOf(planned), state, regions, deadline);
}

function banState({ record, generation }: Stored<TenantRecord>, known: Values): Values | null {
  if (record.banned_at === null) return null;
  return {
    id: record.external_id,
    tenant: record.external_id,
    tenant_id: record.id,
    reason: record.ban_reason,
    until: sameMoment(record.banned_until, known.until ?? null),
    banned_at: record.banned_at,
    wait_for_fleet: known.wait_for_fleet ?? false,
    generation: generation ?? null,
    acked: null,
    timeouts: known.timeouts ?? null,
  };
}

/** As the configuration writes it, as long as it is the same moment. */
function sameMoment(shown: string | null, known: Value): Value {
  if (shown === null) return null;
  if (typeof known === "string" && Date.parse(known) === Date.parse(shown)) return known;
  return shown.replace(".000Z", "Z");
}

function isOver({ until = null }: Values, nowMs: number): boolean {
  return typeof until === "string" && Date.parse(until) <= nowMs;
}

function pathOf(values: Values): string {
  return tenantPath(textOf(values.tenant));
}

function nameOf(values: Values): string {
  return `ban of tenant ${JSON.stringify(values.tenant)}`;
}

function fieldPath(field: string) {
  if (field === "ban_reason") return ["reason"];
  return field === "banned_until" ? ["until"] : undefined;
}

function noTenant({ tenant = null }: Values) {
  return problem("The tenant is not there", `There is no tenant ${JSON.stringify(tenant)} to ban.`, [
    "tenant",
  ]);
}

function bannedAlready({ tenant = null }: Values, there: Values) {
  return problem(
    "The tenant is banned already",
    `It was so before this change, for this reason: ${JSON.stringify(there.reason)}. ` +
      waysOut(`sluice_tenant_ban.NAME ${String(tenant)}`),
    ["tenant"],
  );
}
