import { publicFields, type StoredTenant } from "../tenants/index.js";

/** A tenant as the API shows it. */
export function tenantView(tenant: StoredTenant): Readonly<Record<string, unknown>> {
  return {
    id: tenant.id,
    ...publicFields(tenant),
    inserted_at: tenant.insertedAt.toISOString(),
    updated_at: tenant.updatedAt.toISOString(),
  };
}
