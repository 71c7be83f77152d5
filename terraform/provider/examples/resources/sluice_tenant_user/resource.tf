variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

resource "sluice_tenant" "wiki" {
  external_id  = "wiki"
  db_host      = "postgres.internal"
  db_port      = 5432
  db_database  = "wiki"
  require_user = true
}

resource "sluice_tenant_user" "app" {
  tenant              = sluice_tenant.wiki.external_id
  db_user             = "app"
  pool_size           = 20
  password_wo         = var.app_password
  password_wo_version = 1
}
