terraform {
  # Write-only passwords.
  required_version = ">= 1.11"
  required_providers {
    sluice = {
      source  = "terraform.local/sluice/sluice"
      version = ">= 0.1"
    }
  }
}
