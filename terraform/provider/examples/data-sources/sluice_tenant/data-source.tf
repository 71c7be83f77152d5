data "sluice_tenant" "shop" {
  external_id = "shop"
}

output "users" {
  value = data.sluice_tenant.shop.users[*].db_user
}
