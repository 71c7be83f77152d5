terraform import sluice_tenant_user.app wiki/app
