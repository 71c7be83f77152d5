# After `make dev`: a tenant of its Postgres. `terraform output -raw uri`, and psql connects by it.
terraform {
  required_providers {
    sluice = {
      source = "terraform.local/sluice/sluice"
    }
  }
}

variable "token" {
  type        = string
  description = "A token of the control plane's API."
  sensitive   = true
}

variable "password" {
  type        = string
  description = "Of the role postgres."
  sensitive   = true
  ephemeral   = true
}

provider "sluice" {
  endpoint = "http://localhost:4000"
  token    = var.token
}

resource "sluice_tenant" "dev" {
  external_id = "terraform_tenant"
  db_host     = "localhost"
  db_port     = 6432
  db_database = "postgres"
  auth_query  = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1"

  manager {
    db_user             = "postgres"
    password_wo         = var.password
    password_wo_version = 1
  }
}

output "uri" {
  value = provider::sluice::connection_uri("localhost", 6543, sluice_tenant.dev.external_id, "postgres", null, sluice_tenant.dev.db_database)
}
