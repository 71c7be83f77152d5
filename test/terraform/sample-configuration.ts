import type { Fleet } from "@sluice/local/fleet";
import type { PostgresCluster } from "../support/postgres-cluster.js";
import { GUIDE_TOKEN } from "../support/tenant-api.js";

/** The provider block for a fleet on this machine. */
export function providerBlock(fleet: Fleet, more = ""): string {
  const { transaction, session } = fleet.dataPlane.ports;
  return `
provider "sluice" {
  endpoint                = "${fleet.controlPlane.url}"
  token                   = "${GUIDE_TOKEN}"
  pooler_transaction_port = ${transaction}
  pooler_session_port     = ${session}
  ${more}
}
`;
}

/** The attributes of the test run's own database. */
export function databaseOf({ port }: PostgresCluster): string {
  return `db_host = "localhost"
  db_port     = ${port}
  db_database = "postgres"`;
}

export const AUTH_QUERY = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1;";

/** A tenant that asks its database about users. */
export function managedTenant(postgres: PostgresCluster, name: string, more = ""): string {
  return `
resource "sluice_tenant" "${name}" {
  external_id = "${name}"
  ${databaseOf(postgres)}
  auth_query  = "${AUTH_QUERY}"
  ${more}
  manager {
    db_user             = "${postgres.user}"
    password_wo         = "${postgres.password}"
    password_wo_version = 1
  }
}
`;
}

/** A tenant with users of its own. */
export function listedTenant(postgres: PostgresCluster, name: string, more = ""): string {
  return `
resource "sluice_tenant" "${name}" {
  external_id  = "${name}"
  ${databaseOf(postgres)}
  require_user = true
  ${more}
}
resource "sluice_tenant_user" "${name}" {
  tenant    = sluice_tenant.${name}.external_id
  db_user   = "${postgres.user}"
  password  = "${postgres.password}"
  pool_size = 5
}
`;
}
