"""Settings of the adapter that its jobs must know, as the variables that ``environment.py`` reads back."""

from collections.abc import Mapping

from pullsecret.application.provision import ProvisionPolicy
from pullsecret.infrastructure.gcp.settings import GoogleSettings


def job_variables(google: GoogleSettings, policy: ProvisionPolicy) -> Mapping[str, str]:
    """One variable for each setting that is set. The pod's own identity and the payload are not among them;
    they differ from pod to pod."""
    values = {
        "GCP_SERVICE_ACCOUNT": google.service_account or "none",
        "GCP_LOCATION": google.location,
        "GCP_WORKLOAD_IDENTITY_PROVIDER": google.workload_identity_provider,
        "GCP_IDENTITY_FILE": google.identity_file,
        "GOOGLE_APPLICATION_CREDENTIALS": google.external_account_file,
        "GCE_METADATA_HOST": google.metadata_host,
        "GCP_TRUST_FILE": google.trust_file,
        "GCP_SECRET_MANAGER_ENDPOINT": google.secret_manager_endpoint,
        "GCP_REST_ENDPOINT": google.rest_endpoint,
        "GCP_CALL_SECONDS": round(google.call_deadline) or 1,
        "GCP_READS_PER_MINUTE": google.limits.reads,
        "GCP_WRITES_PER_MINUTE": google.limits.writes,
        "GCP_ACCESSES_PER_MINUTE": google.limits.accesses,
        "DESTROY_OLD_VERSIONS": "true" if google.destroy_old_versions else "false",
        "BUDGET_SECONDS": round(policy.budget) or 1,
        "RETRY_INITIAL_SECONDS": policy.backoff.initial,
        "RETRY_FACTOR": policy.backoff.factor,
        "RETRY_MAXIMUM_SECONDS": policy.backoff.maximum,
        "KEEP_VERSIONS": policy.keep_versions or 0,
    }
    return {name: str(value) for name, value in values.items() if value is not None}
