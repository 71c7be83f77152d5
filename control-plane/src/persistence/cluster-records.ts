import { clusterRecordId } from "@sluice/shared/bundle";
import type { EntityManager } from "typeorm";
import type { Cluster } from "../clusters/index.js";
import { makeClusterRecord } from "../publishing/index.js";
import { removeRecord, writeRecords } from "./record-rows.js";
import { isInScope } from "./tenant-records.js";

/**
 * A cluster is in every scope that serves one of its members, with those members. Called behind the generation's lock,
 * so that no tenant's regions change meanwhile.
 * @returns the scopes that the change touches
 */
export async function replaceClusterRecords(
  manager: EntityManager,
  scopes: readonly string[],
  cluster: Cluster,
  generation: bigint,
): Promise<readonly string[]> {
  const id = clusterRecordId(cluster.alias);
  const regionsOf = await memberRegions(manager, cluster);
  const touched: string[] = [];
  const left: string[] = [];
  for (const scope of scopes) {
    const members = cluster.members.filter(({ tenantExternalId }) =>
      isInScope({ regions: regionsOf.get(tenantExternalId) ?? null }, scope),
    );
    if (members.length === 0) {
      left.push(scope);
      continue;
    }
    const body = makeClusterRecord({ ...cluster, members });
    if (await writeRecords(manager, scope, [{ id, body }], generation)) touched.push(scope);
  }
  return [...touched, ...(await removeRecord(manager, id, generation, left))];
}

async function memberRegions(
  manager: EntityManager,
  { members }: Cluster,
): Promise<ReadonlyMap<string, readonly string[] | null>> {
  const rows: { external_id: string; regions: string[] | null }[] = await manager.query(
    "SELECT external_id, regions FROM sluice.tenants WHERE external_id = ANY ($1)",
    [members.map(({ tenantExternalId }) => tenantExternalId)],
  );
  return new Map(rows.map(({ external_id, regions }) => [external_id, regions]));
}
