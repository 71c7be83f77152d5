# Against the provider's schema; nothing is made.
mock_provider "sluice" {
  mock_resource "sluice_tenant" {
    defaults = {
      generation = 7
      pooler_uri = { transaction = "postgresql://pooler:6543/db", session = "postgresql://pooler:5432/db" }
    }
  }
}

variables {
  name = "staging"
  defaults = {
    db_host   = "db.internal"
    pool_size = 9
  }
  tenants = {
    shop = {
      db_database = "shop"
      users       = { app = {}, reports = { pool_size = 2, max_clients = 5 } }
    }
    wiki = {
      db_host     = "wiki.internal"
      db_port     = 5433
      db_database = "wiki"
      auth_query  = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1"
      manager     = "pooler"
      enforce_ssl = false
    }
  }
  passwords = {
    "shop/app"     = "a"
    "shop/reports" = "b"
    "wiki/pooler"  = "c"
  }
}

run "names_and_defaults" {
  assert {
    condition     = sluice_tenant.this["shop"].external_id == "staging_shop"
    error_message = "the environment's name stands before the tenant's"
  }
  assert {
    condition     = sluice_tenant.this["shop"].db_host == "db.internal" && sluice_tenant.this["wiki"].db_host == "wiki.internal"
    error_message = "a tenant's own host wins over the default"
  }
  assert {
    condition     = sluice_tenant.this["shop"].require_user && !sluice_tenant.this["wiki"].require_user
    error_message = "auth_query decides about require_user"
  }
  assert {
    condition     = sluice_tenant.this["shop"].enforce_ssl && !sluice_tenant.this["wiki"].enforce_ssl
    error_message = "false of a tenant wins over true of the defaults"
  }
  assert {
    condition     = sluice_tenant.this["shop"].regions == null
    error_message = "without regions, every region"
  }
  assert {
    condition     = sluice_tenant.this["wiki"].manager.db_user == "pooler" && sluice_tenant.this["wiki"].manager.pool_size == 9
    error_message = "the manager runs auth_query"
  }
}

run "users" {
  assert {
    condition     = toset(keys(sluice_tenant_user.this)) == toset(["shop/app", "shop/reports"])
    error_message = "each role of each tenant is a user"
  }
  assert {
    condition     = sluice_tenant_user.this["shop/app"].pool_size == 9 && sluice_tenant_user.this["shop/reports"].pool_size == 2
    error_message = "a user's own size wins over the default"
  }
  assert {
    condition     = output.users["shop/app"].username == "app.staging_shop"
    error_message = "the name that clients use"
  }
}

run "regions" {
  variables {
    regions = ["eu", "us"]
  }
  assert {
    condition     = sluice_tenant.this["wiki"].regions == toset(["eu", "us"])
    error_message = "all tenants of an environment are in its regions"
  }
}

run "manager_without_query" {
  command = plan
  variables {
    tenants = { a = { db_database = "a", manager = "pooler" } }
  }
  expect_failures = [var.tenants]
}

run "query_with_users" {
  command = plan
  variables {
    tenants = { a = { db_database = "a", auth_query = "SELECT $1", manager = "pooler", users = { b = {} } } }
  }
  expect_failures = [var.tenants]
}

run "name_that_is_none" {
  command = plan
  variables {
    name = "two words"
  }
  expect_failures = [var.name]
}
