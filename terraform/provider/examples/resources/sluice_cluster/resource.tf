resource "sluice_tenant" "member" {
  for_each     = { primary = "postgres-0.internal", replica = "postgres-1.internal" }
  external_id  = "shop-${each.key}"
  db_host      = each.value
  db_port      = 5432
  db_database  = "shop"
  require_user = true

  # Else Terraform deletes a member before the cluster lets go of it, which the control plane refuses.
  lifecycle {
    create_before_destroy = true
  }
}

resource "sluice_cluster" "shop" {
  alias = "shop"
  members = [
    { tenant = sluice_tenant.member["primary"].external_id, type = "write" },
    { tenant = sluice_tenant.member["replica"].external_id, type = "read" },
  ]
}
