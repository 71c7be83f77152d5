terraform {
  required_version = ">= 1.11"
  required_providers {
    sluice = {
      source = "terraform.local/sluice/sluice"
    }
  }
}

# The token comes from the variable SLUICE_TOKEN.
provider "sluice" {
  endpoint    = "https://control.example.com"
  pooler_host = "pooler.example.com"
}
