# The fleet's part in a Kubernetes cluster of Europe, control plane included.
terraform {
  required_version = ">= 1.11"
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

provider "helm" {}

module "sluice" {
  source = "../../modules/kubernetes"

  namespace = "sluice"
  image     = { registry = "registry.example.com/sluice", tag = "0.1.0" }
  data_planes = [
    { region = "eu-central", max_replicas = 12 },
    { region = "eu-west" },
  ]
  values = {
    networkPolicy = { apiNamespaces = ["platform"] }
  }
}

output "release" {
  value = module.sluice.release
}
