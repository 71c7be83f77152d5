import { type ClusterRecord, decodeCluster, MemberType, type VerifiedBytes } from "@sluice/shared/bundle";
import { type MemberType as ClusterMemberType, isExternalId, LIMITS } from "@sluice/shared/tenant";

export interface ClusterMember {
  readonly tenant: string;
  readonly type: ClusterMemberType;
  readonly active: boolean;
}

/** Tenants that one alias stands for: `user.cluster.<alias>`. */
export interface Cluster {
  readonly alias: string;
  readonly active: boolean;
  /** In the order of the API; those in other regions are not among them. */
  readonly members: readonly ClusterMember[];
}

/** @throws Error that says what cannot be used; the record is then quarantined. */
export function parseCluster(body: VerifiedBytes): Cluster {
  const record = decodeCluster(body);
  if (!isExternalId(record.alias)) throw new Error("alias cannot be used");
  if (record.members.length > LIMITS.clusterMembers) throw new Error("there are too many members");
  return { alias: record.alias, active: record.active, members: record.members.map(parseMember) };
}

function parseMember(member: ClusterRecord["members"][number]): ClusterMember {
  if (!isExternalId(member.tenantExternalId)) throw new Error("a member's external_id cannot be used");
  if (member.type === MemberType.UNSPECIFIED) throw new Error("a member has no type");
  return {
    tenant: member.tenantExternalId,
    type: member.type === MemberType.WRITE ? "write" : "read",
    active: member.active,
  };
}
