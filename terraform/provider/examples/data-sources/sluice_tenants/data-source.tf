data "sluice_tenants" "moving" {
  db_host = "old-postgres.internal"
  region  = "eu"
}

output "still_there" {
  value = data.sluice_tenants.moving.external_ids
}
