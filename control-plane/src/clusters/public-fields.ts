import type { Cluster } from "./cluster.js";

/** A cluster under the names of the API. */
export function publicFields(cluster: Cluster): Readonly<Record<string, unknown>> {
  return {
    alias: cluster.alias,
    active: cluster.active,
    cluster_tenants: cluster.members.map(({ tenantExternalId, type, active }) => ({
      tenant_external_id: tenantExternalId,
      type,
      active,
    })),
  };
}
