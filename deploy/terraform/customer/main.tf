# The customer's side: a service account, a role with exactly the permissions that are needed, and who may act
# as it. deploy/gcloud/customer-setup.sh does the same.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.0, < 8.0"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 5.0, < 8.0"
    }
  }
}

data "google_project" "this" {
  project_id = var.project
}

module "grants" {
  source = "./grants"

  project              = var.project
  project_number       = data.google_project.this.number
  service_account_name = var.service_account_name
  job_identity         = var.job_identity
  retention            = var.retention
  destruction          = var.destruction
  deletion             = var.deletion
  encryption_keys      = var.encryption_keys
}

resource "google_project_service" "needed" {
  for_each = toset(module.grants.services)

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

resource "google_service_account" "pullsecret" {
  project      = var.project
  account_id   = var.service_account_name
  display_name = "HyperFleet pull secrets"
}

resource "google_project_iam_custom_role" "pullsecret" {
  project     = var.project
  role_id     = module.grants.role.name
  title       = "HyperFleet pull secrets"
  permissions = module.grants.role.permissions
}

resource "google_project_iam_member" "pullsecret" {
  project = var.project
  role    = module.grants.project_binding.role
  member  = module.grants.project_binding.member

  depends_on = [google_project_iam_custom_role.pullsecret, google_service_account.pullsecret]
}

resource "google_service_account_iam_member" "jobs" {
  service_account_id = google_service_account.pullsecret.name
  role               = module.grants.identity_binding.role
  member             = module.grants.identity_binding.member
}

# Secret Manager's own service agent uses the keys; it is made before they are granted to it.
resource "google_project_service_identity" "secret_manager" {
  provider = google-beta
  count    = length(var.encryption_keys) > 0 ? 1 : 0

  project = var.project
  service = "secretmanager.googleapis.com"
}

resource "google_kms_crypto_key_iam_member" "secret_manager" {
  for_each = { for binding in module.grants.key_bindings : binding.key => binding }

  crypto_key_id = each.key
  role          = each.value.role
  member        = each.value.member

  depends_on = [google_project_service_identity.secret_manager]
}

output "service_account" {
  description = "The service account that jobs act as."
  value       = google_service_account.pullsecret.email
}
