variable "app_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

ephemeral "sluice_connection_credentials" "app" {
  tenant   = "wiki"
  user     = "app"
  password = var.app_password
  mode     = "session"
}

# The URI goes into a write-only attribute, or into the configuration of another provider.
locals {
  uri = ephemeral.sluice_connection_credentials.app.uri
}
