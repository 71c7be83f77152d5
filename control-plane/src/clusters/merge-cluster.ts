import { checkTexts, Problems } from "../tenants/index.js";
import type { Cluster, ClusterMember } from "./cluster.js";
import type { ClusterInput, MemberInput } from "./cluster-input.js";

/**
 * The cluster that a PUT wants: absent keys keep what is stored, or take Supavisor's default, which is off; members are
 * replaced as a whole. Whether the tenants exist is for the store to say.
 * @throws TenantInvalid
 */
export function mergeCluster(alias: string, input: ClusterInput, stored: Cluster | undefined): Cluster {
  const problems = new Problems();
  checkTexts(input, "", problems);
  checkAlias("alias", input.alias, alias, problems);
  const listed = input.cluster_tenants;
  if (listed === undefined && stored === undefined) problems.add("cluster_tenants", "can't be blank");
  const members = listed?.map(memberOf) ?? stored?.members.map(contentOf) ?? [];
  listed?.forEach(({ cluster_alias }, index) => {
    checkAlias(`cluster_tenants.${index}.cluster_alias`, cluster_alias, alias, problems);
  });
  members.forEach((member, index) => {
    const first = members.findIndex(
      ({ tenantExternalId, type }) => tenantExternalId === member.tenantExternalId && type === member.type,
    );
    if (first < index) {
      problems.add(`cluster_tenants.${index}`, `is the same tenant and type as cluster_tenants.${first}`);
    }
  });
  problems.throwIfAny();
  return { alias, active: input.active ?? stored?.active ?? false, members };
}

function checkAlias(field: string, given: string | undefined, alias: string, problems: Problems): void {
  if (given !== undefined && given !== alias) {
    problems.add(field, `must be ${JSON.stringify(alias)}, as in the path, or left out`);
  }
}

function memberOf({ tenant_external_id, type, active }: MemberInput): ClusterMember {
  return { tenantExternalId: tenant_external_id, type, active: active ?? false };
}

/** Without what the database adds. */
function contentOf({ tenantExternalId, type, active }: ClusterMember): ClusterMember {
  return { tenantExternalId, type, active };
}
