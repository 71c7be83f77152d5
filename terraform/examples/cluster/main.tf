# A primary and a replica under one name. Clients log in as app.cluster.shop.
terraform {
  required_version = ">= 1.11"
  required_providers {
    sluice = {
      source = "terraform.local/sluice/sluice"
    }
  }
}

provider "sluice" {}

variable "password" {
  type        = string
  description = "Of the role app."
  sensitive   = true
  ephemeral   = true
}

locals {
  members = {
    primary = { host = "postgres-0.internal", type = "write" }
    replica = { host = "postgres-1.internal", type = "read" }
  }
}

resource "sluice_tenant" "member" {
  for_each     = local.members
  external_id  = "shop-${each.key}"
  db_host      = each.value.host
  db_port      = 5432
  db_database  = "shop"
  require_user = true
}

resource "sluice_tenant_user" "app" {
  for_each            = local.members
  tenant              = sluice_tenant.member[each.key].external_id
  db_user             = "app"
  pool_size           = 20
  password_wo         = var.password
  password_wo_version = 1
}

resource "sluice_cluster" "shop" {
  alias = "shop"
  members = [
    for key in ["primary", "replica"] : {
      tenant = sluice_tenant.member[key].external_id
      type   = local.members[key].type
    }
  ]

  # So that a member can get another name, or leave the cluster and be deleted, in one apply: Terraform extends it to the
  # tenants. One of them cannot be made anew under its name while it is a member.
  lifecycle {
    create_before_destroy = true
  }
}
