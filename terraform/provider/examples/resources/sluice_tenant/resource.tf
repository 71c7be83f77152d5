variable "manager_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

# The roles of the database log in, with the passwords that they have there.
resource "sluice_tenant" "shop" {
  external_id = "shop"
  db_host     = "postgres.internal"
  db_port     = 5432
  db_database = "shop"
  auth_query  = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1"

  upstream_ssl    = true
  upstream_verify = "peer"
  allow_list      = ["10.0.0.0/8"]
  regions         = ["eu"]

  manager {
    db_user             = "pooler"
    pool_size           = 20
    password_wo         = var.manager_password
    password_wo_version = 1
  }
}

# Only users that are resources of their own log in.
resource "sluice_tenant" "wiki" {
  external_id    = "wiki"
  db_host        = "postgres.internal"
  db_port        = 5432
  db_database    = "wiki"
  require_user   = true
  wait_for_fleet = true

  timeouts {
    create = "2m"
  }
}
