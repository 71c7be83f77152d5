# A staging environment of three databases, in the regions of Europe.
terraform {
  required_version = ">= 1.11"
  required_providers {
    sluice = {
      source = "terraform.local/sluice/sluice"
    }
  }
}

# SLUICE_ENDPOINT and SLUICE_TOKEN say where, and as whom.
provider "sluice" {
  pooler_host = "pooler.eu.example.com"
}

variable "passwords" {
  type        = map(string)
  description = "The passwords of roles, by tenant/role."
  sensitive   = true
  ephemeral   = true
}

module "staging" {
  source = "../../modules/environment"

  name    = "staging"
  regions = ["eu-central", "eu-west"]
  defaults = {
    db_host         = "postgres.staging.internal"
    upstream_verify = "peer"
    allow_list      = ["10.0.0.0/8"]
  }
  tenants = {
    shop = {
      db_database = "shop"
      users = {
        app     = {}
        reports = { pool_size = 2, max_clients = 20 }
      }
    }
    wiki = {
      db_database = "wiki"
      users       = { app = { pool_size = 5 } }
    }
    analytics = {
      db_host     = "warehouse.internal"
      db_database = "analytics"
      auth_query  = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1"
      manager     = "pooler"
      pool_size   = 40
    }
  }
  passwords         = var.passwords
  passwords_version = 1
  wait_for_fleet    = true
}

output "users" {
  value = module.staging.users
}
