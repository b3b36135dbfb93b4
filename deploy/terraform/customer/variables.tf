variable "project" {
  description = "Id of the customer's project in which pull secrets are kept."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "This is no project id."
  }
}

variable "job_identity" {
  description = "Who the provisioning jobs are, as the operator of HyperFleet tells: a member such as principal://iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/POOL/subject/..."
  type        = string

  validation {
    condition     = can(regex("^(principal://iam\\.googleapis\\.com/|serviceAccount:[^\\[]+\\[[^/]+/[^\\]]+\\]$)", var.job_identity))
    error_message = "The identity is a principal:// or serviceAccount:POOL[NAMESPACE/NAME] member."
  }
}

variable "service_account_name" {
  description = "Name of the service account that jobs act as. The service looks for this one unless told otherwise."
  type        = string
  default     = "pullsecret-manager"
}

variable "retention" {
  description = "Let old versions be disabled (the service keeps two unless told otherwise)."
  type        = bool
  default     = true
}

variable "destruction" {
  description = "Let old versions be destroyed, which cannot be undone."
  type        = bool
  default     = false
}

variable "deletion" {
  description = "Let a deleted cluster's secret be deleted too."
  type        = bool
  default     = true
}

variable "encryption_keys" {
  description = "Customer-managed keys (projects/P/locations/L/keyRings/R/cryptoKeys/K) that secrets are encrypted with."
  type        = list(string)
  default     = []
}
