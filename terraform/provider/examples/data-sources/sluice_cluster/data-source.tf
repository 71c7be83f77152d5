data "sluice_cluster" "shop" {
  alias = "shop"
}

output "writer" {
  value = one([for member in data.sluice_cluster.shop.members : member.tenant if member.type == "write"])
}
