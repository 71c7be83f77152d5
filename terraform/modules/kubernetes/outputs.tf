output "release" {
  description = "Name and namespace of the Helm release."
  value       = { name = helm_release.sluice.name, namespace = helm_release.sluice.namespace }
}

output "values" {
  description = "What the module gives to the chart, before `values`."
  value       = local.values
}
