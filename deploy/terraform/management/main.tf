# The management side, for clusters outside of Google Cloud: a workload identity pool that trusts the management
# cluster's issuer. On Google Kubernetes Engine nothing is needed; the output tells the identity there too.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.0, < 8.0"
    }
  }
}

variable "project" {
  description = "Id of the operator's project."
  type        = string
}

variable "issuer" {
  description = "The management cluster's service account issuer (https://...), or null on Google Kubernetes Engine."
  type        = string
  default     = null

  validation {
    condition     = var.issuer == null || can(regex("^https://", var.issuer))
    error_message = "An issuer is an https:// URL."
  }
}

variable "pool" {
  description = "Id of the workload identity pool."
  type        = string
  default     = "hyperfleet"
}

variable "namespace" {
  description = "The namespace that jobs run in."
  type        = string
  default     = "hyperfleet-system"
}

variable "service_account" {
  description = "The jobs' Kubernetes service account."
  type        = string
  default     = "pullsecret-adapter-job"
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_iam_workload_identity_pool" "clusters" {
  count = var.issuer == null ? 0 : 1

  project                   = var.project
  workload_identity_pool_id = var.pool
  display_name              = "HyperFleet management clusters"
}

resource "google_iam_workload_identity_pool_provider" "cluster" {
  count = var.issuer == null ? 0 : 1

  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.clusters[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "management-cluster"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  # Only the jobs' service account, whatever else runs on the cluster.
  attribute_condition = "assertion.sub == 'system:serviceaccount:${var.namespace}:${var.service_account}'"

  oidc {
    issuer_uri = var.issuer
  }
}

locals {
  pools = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools"
}

output "job_identity" {
  description = "What customers are told to grant roles/iam.workloadIdentityUser to."
  value = (
    var.issuer == null
    ? "${local.pools}/${var.project}.svc.id.goog/subject/ns/${var.namespace}/sa/${var.service_account}"
    : "${local.pools}/${var.pool}/subject/system:serviceaccount:${var.namespace}:${var.service_account}"
  )
}
