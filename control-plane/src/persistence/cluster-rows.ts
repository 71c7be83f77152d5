import { randomUUID } from "node:crypto";
import { type EntityManager, In } from "typeorm";
import type { Cluster, StoredCluster, StoredMember } from "../clusters/index.js";
import { ClusterEntity, type ClusterRow, MemberEntity, type MemberRow } from "./cluster-entities.js";

interface JoinedMember extends MemberRow {
  readonly tenantExternalId: string;
}

/** Rows to clusters and back. */
export async function findCluster(
  manager: EntityManager,
  alias: string,
  { forUpdate }: { readonly forUpdate: boolean },
): Promise<StoredCluster | undefined> {
  const row = await manager.findOne(ClusterEntity, {
    where: { alias },
    ...(forUpdate ? { lock: { mode: "pessimistic_write" as const } } : {}),
  });
  return row === null ? undefined : (await withMembers(manager, [row]))[0];
}

/** By alias, byte by byte. */
export async function listClusters(
  manager: EntityManager,
  after: string | undefined,
  limit: number,
): Promise<readonly StoredCluster[]> {
  const query = manager.createQueryBuilder(ClusterEntity, "cluster").orderBy("cluster.alias").limit(limit);
  if (after !== undefined) query.where("cluster.alias > :after", { after });
  return withMembers(manager, await query.getMany());
}

/** Those that have the tenant as a member. */
export async function clustersOf(
  manager: EntityManager,
  tenantId: string,
): Promise<readonly StoredCluster[]> {
  const members = await manager.find(MemberEntity, { where: { tenantId } });
  const rows = await manager.find(ClusterEntity, {
    where: { id: In(members.map(({ clusterId }) => clusterId)) },
    order: { alias: "ASC" },
  });
  return withMembers(manager, rows);
}

/** @param tenantIds by external_id */
export async function saveCluster(
  manager: EntityManager,
  cluster: Cluster,
  stored: StoredCluster | undefined,
  tenantIds: ReadonlyMap<string, string>,
  now: Date,
): Promise<StoredCluster> {
  const row: ClusterRow = {
    id: stored?.id ?? randomUUID(),
    alias: cluster.alias,
    active: cluster.active,
    version: (stored?.version ?? 0) + 1,
    insertedAt: stored?.insertedAt ?? now,
    updatedAt: now,
  };
  if (stored === undefined) await manager.insert(ClusterEntity, row);
  else {
    await manager.update(ClusterEntity, { id: row.id }, row);
    await manager.delete(MemberEntity, { clusterId: row.id });
  }
  const members = cluster.members.map((member): StoredMember => {
    const before = stored?.members.find(
      ({ tenantExternalId, type }) => tenantExternalId === member.tenantExternalId && type === member.type,
    );
    return {
      ...member,
      id: before?.id ?? randomUUID(),
      insertedAt: before?.insertedAt ?? now,
      updatedAt: before?.active === member.active ? before.updatedAt : now,
    };
  });
  if (members.length > 0) {
    await manager.insert(
      MemberEntity,
      members.map(({ tenantExternalId, ...member }, position) => ({
        ...member,
        position,
        clusterId: row.id,
        tenantId: tenantIds.get(tenantExternalId) ?? "",
      })),
    );
  }
  return { ...row, members };
}

async function withMembers(manager: EntityManager, rows: readonly ClusterRow[]): Promise<StoredCluster[]> {
  if (rows.length === 0) return [];
  const members: JoinedMember[] = await manager.query(
    `SELECT m.id, m.cluster_id AS "clusterId", m.type, m.active, m.inserted_at AS "insertedAt",
       m.updated_at AS "updatedAt", t.external_id AS "tenantExternalId"
     FROM sluice.cluster_tenants m JOIN sluice.tenants t ON t.id = m.tenant_id
     WHERE m.cluster_id = ANY ($1) ORDER BY m.cluster_id, m."position"`,
    [rows.map(({ id }) => id)],
  );
  return rows.map((row) => ({
    ...row,
    members: members
      .filter(({ clusterId }) => clusterId === row.id)
      .map(({ id, type, active, insertedAt, updatedAt, tenantExternalId }) => ({
        id,
        tenantExternalId,
        type,
        active,
        insertedAt,
        updatedAt,
      })),
  }));
}
