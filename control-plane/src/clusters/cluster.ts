import type { MemberType } from "@sluice/shared/tenant";

export interface ClusterMember {
  readonly tenantExternalId: string;
  readonly type: MemberType;
  readonly active: boolean;
}

/** Several tenants under one name, `user.cluster.<alias>`. A tenant may be in several clusters. */
export interface Cluster {
  readonly alias: string;
  readonly active: boolean;
  /** The first that can serve does. */
  readonly members: readonly ClusterMember[];
}

export interface StoredMember extends ClusterMember {
  readonly id: string;
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}

export interface StoredCluster extends Cluster {
  readonly id: string;
  readonly version: number;
  readonly members: readonly StoredMember[];
  readonly insertedAt: Date;
  readonly updatedAt: Date;
}
