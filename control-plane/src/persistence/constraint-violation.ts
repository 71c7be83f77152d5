import { type FieldProblems, TenantInvalid } from "../tenants/index.js";

/** What the API checks before; here for the case that two requests pass each other, or that a check is missing. */
const PROBLEMS: Readonly<Record<string, FieldProblems>> = {
  tenants_external_id_key: { external_id: ["has already been taken"] },
  tenants_ip_version_values: { ip_version: ["must be one of auto, v4, v6"] },
  tenants_upstream_verify_values: { upstream_verify: ["must be one of none, peer, null"] },
  tenants_upstream: { upstream_verify: ["must be there with upstream_ssl: true, and null without"] },
  tenants_auth_query: { auth_query: ["can't be blank while require_user is false"] },
  tenants_server_reset_values: { server_reset: ["must be one of tracked, always"] },
  tenants_ban: { ban_reason: ["can't be blank"] },
  users_tenant_id_db_user_key: { users: ["must not hold the same db_user twice"] },
  users_mode_type_values: { users: ["must have a mode_type of transaction or session"] },
  clusters_alias_key: { alias: ["has already been taken"] },
  cluster_tenants_member_key: { cluster_tenants: ["must not hold the same tenant and type twice"] },
  cluster_tenants_type_values: { cluster_tenants: ["must have a type of write or read"] },
  cluster_tenants_tenant_id_fkey: { cluster_tenants: ["names a tenant that was deleted just now"] },
};

/** The name of the constraint that a statement violated. */
export function violatedConstraint(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  if ("constraint" in thrown && typeof thrown.constraint === "string") return thrown.constraint;
  return "driverError" in thrown ? violatedConstraint(thrown.driverError) : undefined;
}

/** @throws TenantInvalid in place of the violation of a constraint that stands for a field. */
export async function orFieldProblems<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const constraint = violatedConstraint(thrown);
    const problems = constraint === undefined ? undefined : PROBLEMS[constraint];
    if (problems === undefined) throw thrown;
    throw new TenantInvalid(problems);
  }
}
