locals {
  users = merge([
    for key, tenant in var.tenants : {
      for role, user in tenant.users : "${key}/${role}" => merge(user, { tenant = key, role = role })
    }
  ]...)
}

resource "sluice_tenant" "this" {
  for_each = var.tenants

  external_id            = "${var.name}_${each.key}"
  regions                = var.regions
  db_host                = try(coalesce(each.value.db_host, var.defaults.db_host), null)
  db_port                = coalesce(each.value.db_port, var.defaults.db_port)
  db_database            = each.value.db_database
  require_user           = each.value.auth_query == null
  auth_query             = each.value.auth_query
  default_pool_size      = coalesce(each.value.pool_size, var.defaults.pool_size)
  default_max_clients    = coalesce(each.value.max_clients, var.defaults.max_clients)
  enforce_ssl            = coalesce(each.value.enforce_ssl, var.defaults.enforce_ssl)
  upstream_ssl           = coalesce(each.value.upstream_ssl, var.defaults.upstream_ssl)
  upstream_verify        = try(coalesce(each.value.upstream_verify, var.defaults.upstream_verify), null)
  upstream_tls_ca        = try(coalesce(each.value.upstream_tls_ca, var.defaults.upstream_tls_ca), null)
  allow_list             = each.value.allow_list != null ? each.value.allow_list : var.defaults.allow_list
  query_timeout          = coalesce(each.value.query_timeout, var.defaults.query_timeout)
  max_server_connections = coalesce(each.value.max_server_connections, var.defaults.max_server_connections)
  wait_for_fleet         = var.wait_for_fleet

  dynamic "manager" {
    for_each = each.value.manager == null ? [] : [each.value.manager]
    content {
      db_user             = manager.value
      pool_size           = coalesce(each.value.pool_size, var.defaults.pool_size)
      password_wo         = var.passwords["${each.key}/${manager.value}"]
      password_wo_version = var.passwords_version
    }
  }
}

resource "sluice_tenant_user" "this" {
  for_each = local.users

  tenant              = sluice_tenant.this[each.value.tenant].external_id
  db_user             = each.value.role
  pool_size           = coalesce(each.value.pool_size, var.tenants[each.value.tenant].pool_size, var.defaults.pool_size)
  max_clients         = each.value.max_clients
  password_wo         = var.passwords[each.key]
  password_wo_version = var.passwords_version
  wait_for_fleet      = var.wait_for_fleet
}
