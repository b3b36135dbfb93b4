"""Which permissions the service needs in a customer's project, and how each is granted.

https://cloud.google.com/secret-manager/docs/access-control
"""

from typing import Final

PROVISIONING: Final = (
    "secretmanager.secrets.create",
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
    "secretmanager.versions.add",
    "secretmanager.versions.access",
)
ON_EXISTING_SECRET: Final = ("secretmanager.versions.add", "secretmanager.versions.access")
"""Of :data:`PROVISIONING` what a run needs whose secret is there already."""

RETENTION: Final = ("secretmanager.versions.list", "secretmanager.versions.disable")
DESTRUCTION: Final = ("secretmanager.versions.destroy",)
DELETION: Final = ("secretmanager.secrets.delete",)

CUSTOM_ROLE: Final = "pullsecretManager"

_SMALLEST_ROLE: Final = {
    "secretmanager.secrets.get": "roles/secretmanager.viewer",
    "secretmanager.versions.add": "roles/secretmanager.secretVersionAdder",
    "secretmanager.versions.access": "roles/secretmanager.secretAccessor",
    "secretmanager.versions.list": "roles/secretmanager.secretVersionManager",
    "secretmanager.versions.disable": "roles/secretmanager.secretVersionManager",
    "secretmanager.versions.destroy": "roles/secretmanager.secretVersionManager",
}
"""The smallest predefined role with each permission; only the administrator's has the others."""


def grant_command(project: str, member: str, permission: str) -> str:
    """The gcloud command that grants ``permission`` with the smallest predefined role that holds it."""
    role = _SMALLEST_ROLE.get(permission, "roles/secretmanager.admin")
    return f'gcloud projects add-iam-policy-binding {project} --member="{member}" --role={role}'


def custom_role_command(project: str, permissions: tuple[str, ...]) -> str:
    """The gcloud command that makes a role with exactly ``permissions``."""
    return (
        f"gcloud iam roles create {CUSTOM_ROLE} --project={project} --stage=GA "
        f"--permissions={','.join(permissions)}"
    )
