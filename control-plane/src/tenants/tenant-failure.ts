import { SluiceError } from "@sluice/shared/errors";

/** By path, for instance `users.0.pool_size`: what is wrong there. */
export type FieldProblems = Readonly<Record<string, readonly string[]>>;

export class TenantInvalid extends SluiceError {
  readonly problems: FieldProblems;

  constructor(problems: FieldProblems) {
    super({
      code: "ETENANTINVALID",
      kind: "invalid",
      clientMessage: "the tenant cannot be used as it is",
      detail: Object.keys(problems).join(", "),
    });
    this.problems = problems;
  }
}

export class TenantUnknown extends SluiceError {
  constructor(externalId: string) {
    // The text is Supavisor's.
    super({ code: "ETENANTUNKNOWN", kind: "not-found", clientMessage: "not found", detail: externalId });
  }
}

export class UserUnknown extends SluiceError {
  constructor(externalId: string, dbUser: string) {
    super({
      code: "EUSERUNKNOWN",
      kind: "not-found",
      clientMessage: "not found",
      detail: `${dbUser}.${externalId}`,
    });
  }
}

/** As TenantUnknown, with the text of Supavisor's DELETE of network bans. */
export class NetworkBansTenantUnknown extends SluiceError {
  constructor(externalId: string) {
    super({
      code: "ETENANTUNKNOWN",
      kind: "not-found",
      clientMessage: "Tenant not found",
      detail: externalId,
    });
  }
}

/** A tenant that a cluster names is not deleted. */
export class TenantInCluster extends SluiceError {
  constructor(externalId: string, clusters: readonly string[]) {
    super({
      code: "ETENANTINCLUSTER",
      kind: "conflict",
      clientMessage: `the tenant is a member of ${clusters.length === 1 ? "the cluster" : "the clusters"} ${clusters.join(", ")}: take it out first`,
      detail: externalId,
    });
  }
}

/** update_auth_credentials is for the manager that auth_query runs as. The texts are Supavisor's. */
export class CredentialsNotStored extends SluiceError {
  constructor(why: "require-user" | "no-manager") {
    super({
      code: "ECREDENTIALS",
      kind: "invalid",
      clientMessage:
        why === "require-user"
          ? "Cannot update credentials for tenants with require_user: true"
          : "No manager user found for tenant",
    });
  }
}
