import { EntitySchema } from "typeorm";
import type { TenantSettings, User } from "../tenants/index.js";

/** The tables, as migrations make them; a test holds the two together. */

export interface TenantRow {
  id: string;
  externalId: string;
  settings: Omit<TenantSettings, "externalId">;
  insertedAt: Date;
  updatedAt: Date;
}

export interface UserRow {
  id: string;
  tenantExternalId: string;
  position: number;
  dbUser: string;
  settings: Omit<User, "dbUser" | "dbPassword" | "verifier">;
  dbPassEncrypted: Buffer;
  verifierEncrypted: Buffer;
}

export const TenantEntity = new EntitySchema<TenantRow>({
  name: "tenant",
  tableName: "tenants",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "tenants_pkey" },
    externalId: { name: "external_id", type: "text" },
    settings: { type: "jsonb" },
    insertedAt: { name: "inserted_at", type: "timestamptz" },
    updatedAt: { name: "updated_at", type: "timestamptz" },
  },
  uniques: [{ name: "tenants_external_id_key", columns: ["externalId"] }],
});

export const UserEntity = new EntitySchema<UserRow>({
  name: "user",
  tableName: "users",
  columns: {
    id: { type: "uuid", primary: true, primaryKeyConstraintName: "users_pkey" },
    tenantExternalId: { name: "tenant_external_id", type: "text" },
    position: { type: "integer" },
    dbUser: { name: "db_user", type: "text" },
    settings: { type: "jsonb" },
    dbPassEncrypted: { name: "db_pass_encrypted", type: "bytea" },
    verifierEncrypted: { name: "verifier_encrypted", type: "bytea" },
  },
  uniques: [{ name: "users_tenant_db_user_key", columns: ["tenantExternalId", "dbUser"] }],
});
