# What a customer grants, as values: no provider, so that it can be evaluated anywhere.

variable "project" {
  type = string
}

variable "service_account_name" {
  type = string
}

variable "job_identity" {
  type = string
}

variable "retention" {
  type = bool
}

variable "destruction" {
  type = bool
}

variable "deletion" {
  type = bool
}

variable "encryption_keys" {
  type = list(string)
}

variable "project_number" {
  type = string
}

locals {
  # Generated from the service's own table of permissions.
  table = jsondecode(file("${path.module}/../permissions.json"))
  chosen = concat(
    ["provisioning"],
    var.retention ? ["retention"] : [],
    var.destruction ? ["destruction"] : [],
    var.deletion ? ["deletion"] : [],
  )
  service_account = "${var.service_account_name}@${var.project}.iam.gserviceaccount.com"
}

output "services" {
  value = ["iamcredentials.googleapis.com", "secretmanager.googleapis.com"]
}

output "service_account" {
  value = local.service_account
}

output "role" {
  value = {
    name        = local.table.role
    permissions = sort(flatten([for group in local.chosen : local.table.permissions[group]]))
  }
}

output "project_binding" {
  value = {
    role   = "projects/${var.project}/roles/${local.table.role}"
    member = "serviceAccount:${local.service_account}"
  }
}

output "identity_binding" {
  value = {
    role   = "roles/iam.workloadIdentityUser"
    member = var.job_identity
  }
}

output "key_bindings" {
  value = [for key in var.encryption_keys : {
    key    = key
    role   = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    member = "serviceAccount:service-${var.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
  }]
}
