import { EntitySchema } from "typeorm";
import type { Difference } from "../audit/index.js";

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly subject: string | null;
  readonly jti: string | null;
  readonly tokenId: string;
  readonly requestId: string;
  readonly action: string;
  readonly tenant: string | null;
  readonly cluster: string | null;
  readonly generation: string | null;
  readonly difference: Difference;
}

export const AuditEntity = new EntitySchema<AuditRow>({
  name: "audit",
  tableName: "audit",
  columns: {
    id: {
      type: "bigint",
      primary: true,
      primaryKeyConstraintName: "audit_pkey",
      generated: "increment",
    },
    at: { type: "timestamptz", precision: 3 },
    subject: { type: "text", nullable: true },
    jti: { type: "text", nullable: true },
    tokenId: { name: "token_id", type: "text" },
    requestId: { name: "request_id", type: "text" },
    action: { type: "text" },
    tenant: { type: "text", collation: "C", nullable: true },
    cluster: { type: "text", collation: "C", nullable: true },
    generation: { type: "bigint", nullable: true },
    difference: { type: "jsonb" },
  },
  indices: [
    { name: "audit_tenant_idx", columns: ["tenant", "id"] },
    { name: "audit_cluster_idx", columns: ["cluster", "id"] },
    { name: "audit_at_idx", columns: ["at"] },
  ],
});

export const AUDIT_ENTITIES = [AuditEntity];
