import { encodeCluster, MemberType } from "@sluice/shared/bundle";
import type { Cluster } from "../clusters/index.js";

/** A cluster as the data planes of one scope read it: with those members that they serve. */
export function makeClusterRecord(cluster: Cluster): Uint8Array {
  return encodeCluster({
    alias: cluster.alias,
    active: cluster.active,
    members: cluster.members.map(({ tenantExternalId, type, active }) => ({
      tenantExternalId,
      type: { write: MemberType.WRITE, read: MemberType.READ }[type],
      active,
    })),
  });
}
