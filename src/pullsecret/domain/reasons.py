"""Why a cluster is in the state it is in: the closed list of condition reasons."""

from enum import Enum, unique
from typing import Self

RETRIED = "Retried by itself"
"""How a remedy says that nobody needs to do anything yet."""


@unique
class Outlook(Enum):
    """What may be expected after a reason was given."""

    SUCCESS = "success"
    PROGRESS = "progress"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


@unique
class Reason(Enum):
    """A condition reason: its name as reported, its outlook, what it means and what to do.

    Each value is ``(name, outlook, meaning, remedy)``; the names are CamelCase as Kubernetes condition
    reasons are. ``docs/reasons.md`` is generated from this table.
    """

    SECRET_CREATED = ("SecretCreated", Outlook.SUCCESS, "The pull secret was stored for the first time.", "")
    SECRET_UPDATED = ("SecretUpdated", Outlook.SUCCESS, "A new version of the pull secret was stored.", "")
    SECRET_UNCHANGED = (
        "SecretUnchanged",
        Outlook.SUCCESS,
        "The newest stored version already equals the pull secret; no version was added.",
        "",
    )
    SECRET_AVAILABLE = (
        "SecretAvailable",
        Outlook.SUCCESS,
        "The secret was read back from Secret Manager and the cluster secret holds exactly that value.",
        "",
    )
    HEALTHY = ("Healthy", Outlook.SUCCESS, "No failure was seen.", "")
    IN_PROGRESS = ("InProgress", Outlook.PROGRESS, "The work is handed over and not finished yet.", "")
    PRECONDITIONS_NOT_MET = (
        "PreconditionsNotMet",
        Outlook.PROGRESS,
        "Something this adapter waits for is not there yet.",
        "Nothing to do here; the message names the condition that is false.",
    )
    SUPERSEDED = (
        "Superseded",
        Outlook.PROGRESS,
        "A newer generation of the cluster took over; this one wrote nothing more.",
        "",
    )

    INVALID_PULL_SECRET = (
        "InvalidPullSecret",
        Outlook.PERMANENT,
        "The pull secret is not a usable dockerconfigjson document.",
        "Correct the pull secret in the cluster spec.",
    )
    INVALID_CLUSTER = (
        "InvalidCluster",
        Outlook.PERMANENT,
        "The cluster's id or spec cannot be turned into valid names.",
        "Correct the named field in the cluster spec.",
    )
    NAMING_CONFLICT = (
        "NamingConflict",
        Outlook.PERMANENT,
        "A secret of this name exists in Secret Manager and belongs to somebody else.",
        "Rename or delete that secret, or set spec.pullSecret.secretName to another name.",
    )
    CLUSTER_SECRET_CONFLICT = (
        "ClusterSecretConflict",
        Outlook.PERMANENT,
        "A Kubernetes secret of this name exists in the namespace and belongs to somebody else.",
        "Delete or rename that Kubernetes secret.",
    )
    PERMISSION_DENIED = (
        "PermissionDenied",
        Outlook.PERMANENT,
        "The customer's service account lacks a permission in the customer's project.",
        "Grant the named permission to the named service account.",
    )
    IDENTITY_REFUSED = (
        "IdentityRefused",
        Outlook.PERMANENT,
        "The job may not act as the customer's service account.",
        "Bind the job's identity to the customer's service account (roles/iam.workloadIdentityUser).",
    )
    PROJECT_NOT_FOUND = (
        "ProjectNotFound",
        Outlook.PERMANENT,
        "The customer's project does not exist or is not visible.",
        "Correct the project id in the cluster spec.",
    )
    API_DISABLED = (
        "ApiDisabled",
        Outlook.PERMANENT,
        "The Secret Manager API is switched off in the customer's project.",
        "Enable secretmanager.googleapis.com in the project.",
    )
    BILLING_DISABLED = (
        "BillingDisabled",
        Outlook.PERMANENT,
        "Billing is switched off in the customer's project.",
        "Enable billing for the project.",
    )
    ENCRYPTION_KEY_UNAVAILABLE = (
        "EncryptionKeyUnavailable",
        Outlook.PERMANENT,
        "The customer-managed encryption key cannot be used.",
        "Restore the key, or grant Secret Manager's service agent the use of it.",
    )
    REQUEST_REFUSED = (
        "RequestRefused",
        Outlook.PERMANENT,
        "An API refused the request as invalid.",
        "Read the message; the named field is wrong.",
    )
    KUBERNETES_PERMISSION_DENIED = (
        "KubernetesPermissionDenied",
        Outlook.PERMANENT,
        "The job's Kubernetes service account lacks a permission in the namespace.",
        "Bind the job's role in the named namespace.",
    )
    VERIFICATION_FAILED = (
        "VerificationFailed",
        Outlook.TRANSIENT,
        "What was read back differs from what was stored.",
        "Retried by itself; if it persists, look for another writer of the secret.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        Outlook.TRANSIENT,
        "The customer's project used up its Secret Manager quota.",
        "Retried by itself; ask for more quota if it persists.",
    )
    SECRET_MANAGER_UNAVAILABLE = (
        "SecretManagerUnavailable",
        Outlook.TRANSIENT,
        "Secret Manager did not answer, or answered with a passing fault.",
        "Retried by itself.",
    )
    IDENTITY_UNAVAILABLE = (
        "IdentityUnavailable",
        Outlook.TRANSIENT,
        "No short-lived credential could be had from the identity services.",
        "Retried by itself; if it persists, check the metadata server and the identity provider.",
    )
    NAMESPACE_MISSING = (
        "NamespaceMissing",
        Outlook.TRANSIENT,
        "The namespace that placement named does not exist.",
        "Retried by itself; create the namespace if placement does not.",
    )
    KUBERNETES_UNAVAILABLE = (
        "KubernetesUnavailable",
        Outlook.TRANSIENT,
        "The Kubernetes API did not answer, or answered with a passing fault.",
        "Retried by itself.",
    )
    HYPERFLEET_UNAVAILABLE = (
        "HyperFleetUnavailable",
        Outlook.TRANSIENT,
        "The HyperFleet API did not answer, or answered with a passing fault.",
        "Retried by itself.",
    )
    BROKER_UNAVAILABLE = (
        "BrokerUnavailable",
        Outlook.TRANSIENT,
        "The message broker did not answer.",
        "Retried by itself.",
    )
    WRITE_CONFLICT = (
        "WriteConflict",
        Outlook.TRANSIENT,
        "Somebody else changed the same object at the same time.",
        "Retried by itself.",
    )
    JOB_TIMED_OUT = (
        "JobTimedOut",
        Outlook.TRANSIENT,
        "The job did not end within its deadline.",
        "Retried by itself; look at the job's last log line if it persists.",
    )
    JOB_INTERRUPTED = (
        "JobInterrupted",
        Outlook.TRANSIENT,
        "The job was told to stop before it was done.",
        "Retried by itself.",
    )
    JOB_LOST = (
        "JobLost",
        Outlook.TRANSIENT,
        "The job ended without telling a result.",
        "Retried by itself.",
    )
    JOB_OUT_OF_MEMORY = (
        "JobOutOfMemory",
        Outlook.TRANSIENT,
        "The job was killed for using more memory than its limit.",
        "Retried by itself; raise the job's memory limit if it persists.",
    )
    JOB_EVICTED = ("JobEvicted", Outlook.TRANSIENT, "The node evicted the job's pod.", "Retried by itself.")
    IMAGE_PULL_FAILED = (
        "ImagePullFailed",
        Outlook.TRANSIENT,
        "The job's image could not be pulled.",
        "Retried by itself; check the configured image and the node's access to its registry.",
    )
    WRONG_CONFIGURATION = (
        "WrongConfiguration",
        Outlook.PERMANENT,
        "The job was started with a configuration it cannot use.",
        "Correct the adapter's configuration; the message names the key.",
    )
    INTERNAL_ERROR = (
        "InternalError",
        Outlook.TRANSIENT,
        "A fault in the pull secret service itself.",
        "Retried by itself; please report it with the job's log.",
    )
    FINALIZED = ("Finalized", Outlook.SUCCESS, "Everything that was ours is deleted.", "")
    RETAINED = (
        "Retained",
        Outlook.SUCCESS,
        "What is ours is deleted, but for what the message names: kept by policy, or left behind.",
        "Delete by hand what the message says is left behind; nothing to do about what policy keeps.",
    )

    outlook: Outlook
    meaning: str
    remedy: str

    def __new__(cls, name: str, outlook: Outlook, meaning: str, remedy: str) -> Self:
        member = object.__new__(cls)
        member._value_ = name
        member.outlook = outlook
        member.meaning = meaning
        member.remedy = remedy
        return member

    def __str__(self) -> str:
        return str(self.value)
