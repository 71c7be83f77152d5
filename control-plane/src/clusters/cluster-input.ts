import type { MemberType } from "@sluice/shared/tenant";

/** The body of a PUT under the names of the API; the OpenAPI document has accepted it. */
export interface ClusterInput {
  readonly alias?: string;
  readonly active?: boolean;
  /** Needed in a new cluster; replaces all members. */
  readonly cluster_tenants?: readonly MemberInput[];
}

export interface MemberInput {
  readonly tenant_external_id: string;
  readonly type: MemberType;
  readonly active?: boolean;
  /** May be given again; it must be the one of the path. */
  readonly cluster_alias?: string;
}
