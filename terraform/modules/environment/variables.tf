variable "name" {
  type        = string
  description = "The environment, such as staging. Every tenant is called name_key, so that environments do not meet."
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,62}$", var.name))
    error_message = "The name has letters, digits and -, at most 63, and begins with a letter or a digit."
  }
}

variable "regions" {
  type        = set(string)
  description = "The regions whose data planes serve the environment. Null is every region."
  default     = null
}

variable "defaults" {
  type = object({
    db_host                = optional(string)
    db_port                = optional(number, 5432)
    pool_size              = optional(number, 15)
    max_clients            = optional(number, 1000)
    enforce_ssl            = optional(bool, true)
    upstream_ssl           = optional(bool, true)
    upstream_verify        = optional(string)
    upstream_tls_ca        = optional(string)
    allow_list             = optional(set(string))
    query_timeout          = optional(number, 0)
    max_server_connections = optional(number, 0)
  })
  description = "What holds for every tenant that does not say otherwise."
  default     = {}
}

variable "tenants" {
  type = map(object({
    db_host                = optional(string)
    db_port                = optional(number)
    db_database            = string
    auth_query             = optional(string)
    manager                = optional(string)
    users                  = optional(map(object({ pool_size = optional(number), max_clients = optional(number) })), {})
    pool_size              = optional(number)
    max_clients            = optional(number)
    enforce_ssl            = optional(bool)
    upstream_ssl           = optional(bool)
    upstream_verify        = optional(string)
    upstream_tls_ca        = optional(string)
    allow_list             = optional(set(string))
    query_timeout          = optional(number)
    max_server_connections = optional(number)
  }))
  description = "The tenants by key. One with auth_query has a manager, every other one its users."
  validation {
    condition     = alltrue([for tenant in var.tenants : (tenant.auth_query == null) == (tenant.manager == null)])
    error_message = "auth_query and manager belong together: the query runs as the manager."
  }
  validation {
    condition     = alltrue([for tenant in var.tenants : tenant.auth_query == null || length(tenant.users) == 0])
    error_message = "A tenant with auth_query asks its database about users, and has none of its own."
  }
}

variable "passwords" {
  type        = map(string)
  description = "The passwords of roles, by tenant/role. They are in no plan and no state."
  sensitive   = true
  ephemeral   = true
}

variable "passwords_version" {
  type        = number
  description = "Another number sends all passwords again."
  default     = 1
}

variable "wait_for_fleet" {
  type        = bool
  description = "Whether an apply waits until every data plane has taken each change."
  default     = false
}
