resource "sluice_tenant" "member" {
  for_each     = { primary = "postgres-0.internal", replica = "postgres-1.internal" }
  external_id  = "shop-${each.key}"
  db_host      = each.value
  db_port      = 5432
  db_database  = "shop"
  require_user = true
}

resource "sluice_cluster" "shop" {
  alias = "shop"
  members = [
    { tenant = sluice_tenant.member["primary"].external_id, type = "write" },
    { tenant = sluice_tenant.member["replica"].external_id, type = "read" },
  ]

  # So that a member can get another name, or leave the cluster and be deleted, in one apply: Terraform extends it to the
  # tenants. One of them cannot be made anew under its name while it is a member.
  lifecycle {
    create_before_destroy = true
  }
}
