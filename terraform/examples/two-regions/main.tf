# One tenant in two regions, and a step that comes when both serve it.
terraform {
  required_version = ">= 1.11"
  required_providers {
    sluice = {
      source = "terraform.local/sluice/sluice"
    }
  }
}

provider "sluice" {
  pooler_host = "pooler.eu.example.com"
}

# The same control plane; only the pooler's host is another one.
provider "sluice" {
  alias       = "us"
  pooler_host = "pooler.us.example.com"
}

variable "password" {
  type        = string
  description = "Of the role app."
  sensitive   = true
  ephemeral   = true
}

resource "sluice_tenant" "shop" {
  external_id  = "shop"
  db_host      = "postgres.internal"
  db_port      = 5432
  db_database  = "shop"
  require_user = true
  regions      = ["eu", "us"]
}

resource "sluice_tenant_user" "app" {
  tenant              = sluice_tenant.shop.external_id
  db_user             = "app"
  pool_size           = 20
  password_wo         = var.password
  password_wo_version = 1
}

data "sluice_fleet" "serving" {
  for_each   = sluice_tenant.shop.regions
  region     = each.key
  generation = sluice_tenant_user.app.generation
  at_least   = 1
}

data "sluice_tenant" "from_us" {
  provider    = sluice.us
  external_id = sluice_tenant.shop.external_id
}

resource "terraform_data" "announce" {
  input      = { eu = sluice_tenant.shop.pooler_uri, us = data.sluice_tenant.from_us.pooler_uri }
  depends_on = [data.sluice_fleet.serving]
}
