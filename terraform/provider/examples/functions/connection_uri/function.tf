output "uri" {
  # postgresql://app.wiki@pooler.example.com:6543/wiki
  value = provider::sluice::connection_uri("pooler.example.com", 6543, "wiki", "app", null, "wiki")
}
