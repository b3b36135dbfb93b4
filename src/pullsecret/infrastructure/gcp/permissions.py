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
ON_EXISTING_SECRET: Final = (
    "secretmanager.secrets.get",
    "secretmanager.versions.add",
    "secretmanager.versions.access",
)
"""Of :data:`PROVISIONING` what a run needs whose secret is there already."""

RETENTION: Final = ("secretmanager.versions.list", "secretmanager.versions.disable")
DESTRUCTION: Final = ("secretmanager.versions.destroy",)
DELETION: Final = ("secretmanager.secrets.delete",)

_SMALLEST_ROLE: Final = {
    "secretmanager.secrets.get": "roles/secretmanager.viewer",
    "secretmanager.versions.add": "roles/secretmanager.secretVersionAdder",
    "secretmanager.versions.access": "roles/secretmanager.secretAccessor",
    "secretmanager.versions.list": "roles/secretmanager.secretVersionManager",
    "secretmanager.versions.disable": "roles/secretmanager.secretVersionManager",
    "secretmanager.versions.destroy": "roles/secretmanager.secretVersionManager",
    "serviceusage.quotas.get": "roles/servicemanagement.quotaViewer",
}
"""The smallest predefined role with each permission; the others are only in roles that administrate."""


def grant_command(project: str, member: str, permission: str) -> str:
    """The gcloud command that grants ``permission`` and as little else as roles allow.

    Where only an administrator's role holds it, the command makes a role of its own first.
    """
    role, make_role = _SMALLEST_ROLE.get(permission), ""
    if role is None:
        name = _custom_role(permission)
        role = f"projects/{project}/roles/{name}"
        make_role = (
            f"gcloud iam roles create {name} --project={project} --stage=GA --permissions={permission} && "
        )
    return f'{make_role}gcloud projects add-iam-policy-binding {project} --member="{member}" --role={role}'


def _custom_role(permission: str) -> str:
    """E.g. ``pullsecretSecretsCreate``."""
    return "pullsecret" + "".join(part.capitalize() for part in permission.split(".")[1:])
