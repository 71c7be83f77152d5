terraform import sluice_tenant_ban.unpaid shop
