resource "sluice_tenant" "shop" {
  external_id  = "shop"
  db_host      = "postgres.internal"
  db_port      = 5432
  db_database  = "shop"
  require_user = true
}

# Goes on when every data plane of the region holds the tenant's newest change.
data "sluice_fleet" "eu" {
  region     = "eu"
  generation = sluice_tenant.shop.generation
  at_least   = 2
  timeout    = "2m"
}

resource "terraform_data" "announce" {
  input      = sluice_tenant.shop.pooler_uri
  depends_on = [data.sluice_fleet.eu]
}
