output "tenants" {
  description = "By key: the tenant's name, where its clients connect in both modes, and the generation of its newest change."
  value = {
    for key, tenant in sluice_tenant.this : key => {
      external_id = tenant.external_id
      pooler_uri  = tenant.pooler_uri
      generation  = tenant.generation
    }
  }
}

output "users" {
  description = "By tenant/role: what a client calls itself, and where it connects in both modes, without the password."
  value = {
    for key, user in sluice_tenant_user.this : key => {
      username   = "${user.db_user}.${user.tenant}"
      pooler_uri = user.pooler_uri
    }
  }
}
