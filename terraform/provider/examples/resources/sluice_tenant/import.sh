terraform import sluice_tenant.shop shop
