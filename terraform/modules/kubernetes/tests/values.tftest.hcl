mock_provider "helm" {}

variables {
  namespace = "pooling"
  image     = { registry = "registry.example.com/sluice" }
  data_planes = [
    { region = "eu", max_replicas = 12 },
    { region = "us", replicas = 5, secret = "own-secret", control_plane_url = "https://control.example.com:4001" },
  ]
}

run "values_of_the_chart" {
  assert {
    condition     = yamldecode(helm_release.sluice.values[0]).dataPlanes[0].secret == "sluice-data-plane-eu"
    error_message = "the names of Secrets follow the region"
  }
  assert {
    condition     = yamldecode(helm_release.sluice.values[0]).dataPlanes[1].secret == "own-secret"
    error_message = "unless one is given"
  }
  assert {
    condition     = yamldecode(helm_release.sluice.values[0]).dataPlanes[0].autoscaling == { enabled = true, minReplicas = 3, maxReplicas = 12, targetCpuPercent = 65, targetClients = 0 }
    error_message = "max_replicas turns autoscaling on"
  }
  assert {
    condition     = yamldecode(helm_release.sluice.values[0]).dataPlanes[1].autoscaling == { enabled = false, minReplicas = 5, maxReplicas = 5, targetCpuPercent = 65, targetClients = 0 }
    error_message = "without it the number stays"
  }
  assert {
    condition     = !contains(keys(yamldecode(helm_release.sluice.values[0]).image), "tag")
    error_message = "without a tag, the chart's own"
  }
}

run "other_values_win" {
  variables {
    values = { controlPlane = { replicas = 7 } }
  }
  assert {
    condition     = yamldecode(helm_release.sluice.values[1]).controlPlane.replicas == 7
    error_message = "they come last"
  }
}

run "a_region_twice" {
  command = plan
  variables {
    data_planes = [{ region = "eu" }, { region = "eu" }]
  }
  expect_failures = [var.data_planes]
}

run "what_cannot_work" {
  command = plan
  variables {
    data_planes = [
      { region = "eu", proxy_protocol = "required" },
      { region = "us", max_replicas = 5, resources = { requests = { memory = "1Gi" } } },
    ]
  }
  expect_failures = [var.data_planes]
}
