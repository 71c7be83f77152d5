resource "sluice_tenant_ban" "unpaid" {
  tenant = "shop"
  reason = "the invoice of March is not paid"
  until  = "2027-04-01T00:00:00Z"
}
