variable "name" {
  type        = string
  description = "Of the Helm release."
  default     = "sluice"
}

variable "namespace" {
  type        = string
  description = "Where it is installed. It has to be there, with the Secrets that the chart's values name."
}

variable "chart" {
  type        = string
  description = "The chart: a folder, or what helm finds. Null is infra/helm/sluice of this repository."
  default     = null
}

variable "image" {
  type = object({
    registry = string
    tag      = optional(string)
  })
  description = "Where the images are."
}

variable "control_plane" {
  type = object({
    enabled           = optional(bool, true)
    replicas          = optional(number, 2)
    secret            = optional(string)
    stream_tls_secret = optional(string)
  })
  description = "The control plane, and the names of its Secrets. One cluster of a fleet has it."
  default     = {}
}

variable "data_planes" {
  type = list(object({
    region             = string
    availability_zone  = optional(string, "")
    replicas           = optional(number, 3)
    max_replicas       = optional(number)
    target_cpu_percent = optional(number, 65)
    secret             = optional(string)
    client_tls_secret  = optional(string)
    control_plane_url  = optional(string, "")
    workers            = optional(number, 0)
    console            = optional(bool, false)
    env                = optional(map(string), {})
    resources = optional(object({
      requests = optional(map(string), { cpu = "1", memory = "512Mi" })
      limits   = optional(map(string), { memory = "2Gi" })
    }), {})
    storage       = optional(string, "1Gi")
    storage_class = optional(string, "")
    drain_seconds = optional(number, 120)
    service = optional(object({
      type                    = optional(string, "LoadBalancer")
      annotations             = optional(map(string), {})
      external_traffic_policy = optional(string, "Cluster")
      source_ranges           = optional(list(string), [])
    }), {})
    cancel_peers = optional(object({
      server_name = optional(string, "")
      ca          = optional(string, "")
    }), {})
    proxy_protocol          = optional(string, "off")
    trusted_balancer_ranges = optional(list(string), [])
    node_selector           = optional(map(string), {})
    tolerations             = optional(list(map(string)), [])
  }))
  description = "The data planes of this cluster, a group for each region; what is left out is as in the chart's own values. Without max_replicas their number stays. Autoscaling needs resources.requests.cpu."
  validation {
    condition     = length(distinct(var.data_planes[*].region)) == length(var.data_planes)
    error_message = "Each region stands once."
  }
  validation {
    condition     = alltrue([for group in var.data_planes : group.proxy_protocol == "off" || length(group.trusted_balancer_ranges) > 0])
    error_message = "With proxy_protocol, trusted_balancer_ranges names the balancers."
  }
  validation {
    condition     = alltrue([for group in var.data_planes : group.max_replicas == null || contains(keys(group.resources.requests), "cpu")])
    error_message = "Autoscaling by CPU needs resources.requests.cpu."
  }
}

variable "values" {
  type        = any
  description = "More values of the chart; they win."
  default     = {}
}

variable "timeout_s" {
  type        = number
  description = "How long an apply waits until everything is ready. In seconds."
  default     = 600
}
