import type { MemberType } from "@sluice/shared/tenant";
import { EntitySchema } from "typeorm";

export interface ClusterRow {
  readonly id: string;
  readonly alias: string;
  readonly active: boolean;
  readonly version: number;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}

export interface MemberRow {
  readonly id: string;
  readonly clusterId: string;
  /** The place in the PUT's list, from 0. */
  readonly position: number;
  readonly tenantId: string;
  readonly type: MemberType;
  readonly active: boolean;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}

export const ClusterEntity = new EntitySchema<ClusterRow>({
  name: "cluster",
  tableName: "clusters",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "clusters_pkey" },
    alias: { type: "text", collation: "C" },
    active: { type: "boolean" },
    version: { type: "integer" },
    insertedAt: { name: "inserted_at", type: "timestamptz", precision: 3 },
    updatedAt: { name: "updated_at", type: "timestamptz", precision: 3 },
  },
  uniques: [{ name: "clusters_alias_key", columns: ["alias"] }],
});

export const MemberEntity = new EntitySchema<MemberRow>({
  name: "cluster_tenant",
  tableName: "cluster_tenants",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "cluster_tenants_pkey" },
    clusterId: { name: "cluster_id", type: "uuid" },
    position: { type: "integer" },
    tenantId: { name: "tenant_id", type: "uuid" },
    type: { type: "text" },
    active: { type: "boolean" },
    insertedAt: { name: "inserted_at", type: "timestamptz", precision: 3 },
    updatedAt: { name: "updated_at", type: "timestamptz", precision: 3 },
  },
  indices: [{ name: "cluster_tenants_tenant_id_idx", columns: ["tenantId"] }],
  uniques: [{ name: "cluster_tenants_member_key", columns: ["clusterId", "tenantId", "type"] }],
  checks: [{ name: "cluster_tenants_type_values", expression: "type IN ('write', 'read')" }],
  foreignKeys: [
    {
      name: "cluster_tenants_cluster_id_fkey",
      target: "cluster",
      columnNames: ["clusterId"],
      referencedColumnNames: ["id"],
      onDelete: "CASCADE",
    },
    {
      name: "cluster_tenants_tenant_id_fkey",
      target: "tenant",
      columnNames: ["tenantId"],
      referencedColumnNames: ["id"],
    },
  ],
});

export const CLUSTER_ENTITIES = [ClusterEntity, MemberEntity];
