locals {
  values = {
    image = merge({ registry = var.image.registry }, var.image.tag == null ? {} : { tag = var.image.tag })
    controlPlane = merge(
      { enabled = var.control_plane.enabled, replicas = var.control_plane.replicas },
      var.control_plane.secret == null ? {} : { secret = var.control_plane.secret },
      var.control_plane.stream_tls_secret == null ? {} : { streamTlsSecret = var.control_plane.stream_tls_secret },
    )
    dataPlanes = [
      for group in var.data_planes : {
        # Helm replaces a list as a whole: a group has everything that the chart's own values have.
        region           = group.region
        availabilityZone = group.availability_zone
        replicas         = group.replicas
        secret           = coalesce(group.secret, "sluice-data-plane-${group.region}")
        clientTlsSecret  = coalesce(group.client_tls_secret, "sluice-client-tls-${group.region}")
        controlPlaneUrl  = group.control_plane_url
        workers          = group.workers
        console          = group.console
        env              = group.env
        resources        = group.resources
        storage          = { size = group.storage, className = group.storage_class }
        drainSeconds     = group.drain_seconds
        autoscaling = {
          enabled          = group.max_replicas != null
          minReplicas      = group.replicas
          maxReplicas      = coalesce(group.max_replicas, group.replicas)
          targetCpuPercent = group.target_cpu_percent
          targetClients    = 0
        }
        service = {
          type                     = group.service.type
          annotations              = group.service.annotations
          externalTrafficPolicy    = group.service.external_traffic_policy
          loadBalancerSourceRanges = group.service.source_ranges
        }
        cancelPeers           = { serverName = group.cancel_peers.server_name, ca = group.cancel_peers.ca }
        proxyProtocol         = group.proxy_protocol
        trustedBalancerRanges = group.trusted_balancer_ranges
        nodeSelector          = group.node_selector
        tolerations           = group.tolerations
      }
    ]
  }
}

resource "helm_release" "sluice" {
  name      = var.name
  namespace = var.namespace
  chart     = coalesce(var.chart, "${path.module}/../../../infra/helm/sluice")
  # The last one wins.
  values  = [yamlencode(local.values), yamlencode(var.values)]
  atomic  = true
  timeout = var.timeout_s
}
