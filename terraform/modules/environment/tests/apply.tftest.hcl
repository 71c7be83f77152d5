# Against a control plane: SLUICE_ENDPOINT and SLUICE_TOKEN say which. What is made is destroyed at the end.
variables {
  name = "module-test"
  defaults = {
    db_host      = "localhost"
    upstream_ssl = false
  }
  tenants = {
    shop = { db_database = "shop", users = { app = {} } }
  }
  passwords = { "shop/app" = "a-password" }
}

run "is_made" {
  assert {
    condition     = output.tenants["shop"].generation > 0
    error_message = "the control plane gives a generation"
  }
  assert {
    condition     = output.users["shop/app"].username == "app.module-test_shop"
    error_message = "the name that clients use"
  }
}

run "is_changed_in_place" {
  variables {
    defaults = {
      db_host      = "localhost"
      upstream_ssl = false
      pool_size    = 3
    }
  }
  assert {
    condition     = output.tenants["shop"].generation > run.is_made.tenants["shop"].generation
    error_message = "the control plane gives another generation"
  }
  assert {
    condition     = sluice_tenant.this["shop"].default_pool_size == 3 && sluice_tenant_user.this["shop/app"].pool_size == 3
    error_message = "the size reaches the tenant and its users"
  }
}
