"""Principals, roles, policies and short-lived credentials of the fake."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import attrs

# https://cloud.google.com/iam/docs/roles-permissions/secretmanager, .../iam, .../cloudkms, .../serviceusage
_SECRET_MANAGER = frozenset(
    f"secretmanager.{name}"
    for name in (
        "locations.get",
        "locations.list",
        "secrets.create",
        "secrets.delete",
        "secrets.get",
        "secrets.getIamPolicy",
        "secrets.list",
        "secrets.setIamPolicy",
        "secrets.update",
        "versions.access",
        "versions.add",
        "versions.destroy",
        "versions.disable",
        "versions.enable",
        "versions.get",
        "versions.list",
    )
)
_IMPERSONATION = frozenset({"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"})
ROLES: Mapping[str, frozenset[str]] = {
    "roles/secretmanager.admin": _SECRET_MANAGER,
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/secretmanager.secretVersionAdder": frozenset({"secretmanager.versions.add"}),
    "roles/secretmanager.secretVersionManager": frozenset(
        f"secretmanager.versions.{name}" for name in ("add", "destroy", "disable", "enable", "get", "list")
    ),
    "roles/secretmanager.viewer": frozenset(
        f"secretmanager.{name}"
        for name in (
            "locations.get",
            "locations.list",
            "secrets.get",
            "secrets.getIamPolicy",
            "secrets.list",
            "versions.get",
            "versions.list",
        )
    ),
    "roles/iam.workloadIdentityUser": _IMPERSONATION,
    "roles/iam.serviceAccountTokenCreator": _IMPERSONATION | {"iam.serviceAccounts.signBlob"},
    "roles/serviceusage.serviceUsageViewer": frozenset(
        {"serviceusage.services.get", "serviceusage.quotas.get"}
    ),
    "roles/servicemanagement.quotaViewer": frozenset(
        {"serviceusage.services.get", "serviceusage.quotas.get"}
    ),
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": frozenset(
        {"cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"}
    ),
    "roles/cloudkms.viewer": frozenset({"cloudkms.cryptoKeys.get"}),
    "roles/logging.privateLogViewer": frozenset(
        {"logging.logEntries.list", "logging.privateLogEntries.list"}
    ),
}


class Policies:
    """Who holds which role or single permission on which resource. Resources are plain resource names."""

    def __init__(self, custom_roles: Mapping[str, Iterable[str]] | None = None) -> None:
        self._roles = {**ROLES, **{name: frozenset(held) for name, held in (custom_roles or {}).items()}}
        self._bindings: dict[str, set[tuple[str, str]]] = {}

    def define_role(self, role: str, permissions: Iterable[str]) -> None:
        """Add a custom role, ``projects/*/roles/*``."""
        self._roles[role] = frozenset(permissions)

    def grant(self, resource: str, member: str, role: str) -> None:
        """Bind ``member`` (e.g. ``serviceAccount:a@b``) to ``role`` on ``resource``."""
        if role not in self._roles:
            raise ValueError(f"unknown role {role}; define_role() adds custom ones")
        self._bindings.setdefault(resource, set()).add((role, member))

    def revoke(self, resource: str, member: str, role: str | None = None) -> None:
        """Remove ``member``'s binding to ``role``, or all of its bindings, on ``resource``."""
        kept = {
            one
            for one in self._bindings.get(resource, set())
            if one[1] != member or role not in (None, one[0])
        }
        self._bindings[resource] = kept

    def bindings(self, resource: str) -> dict[str, list[str]]:
        """Members by role, set on ``resource`` itself."""
        by_role: dict[str, list[str]] = {}
        for role, member in sorted(self._bindings.get(resource, set())):
            by_role.setdefault(role, []).append(member)
        return by_role

    def replace(self, resource: str, bindings: Mapping[str, Iterable[str]]) -> None:
        """Set the whole policy of ``resource``."""
        self._bindings[resource] = {
            (role, member) for role, members in bindings.items() for member in members
        }

    def allows(self, member: str, permission: str, resources: Iterable[str]) -> bool:
        """True if ``member`` holds ``permission`` on any of ``resources``."""
        return any(
            permission in self._roles.get(role, frozenset())
            for resource in resources
            for role, holder in self._bindings.get(resource, set())
            if holder in (member, "allAuthenticatedUsers", "allUsers")
        )


@attrs.frozen
class Credential:
    """An issued bearer credential."""

    member: str
    expires: datetime
    scopes: frozenset[str]

    @property
    def reaches_cloud_apis(self) -> bool:
        """True if the scope covers Secret Manager."""
        return "https://www.googleapis.com/auth/cloud-platform" in self.scopes


class Credentials:
    """Issued bearer credentials, by their opaque text."""

    def __init__(self) -> None:
        self._issued: dict[str, Credential] = {}

    def issue(self, member: str, now: datetime, lifetime: float, scopes: Iterable[str]) -> str:
        """Issue one for ``member``, valid ``lifetime`` seconds."""
        text = f"ya29.fake-{secrets.token_urlsafe(24)}"
        self._issued[text] = Credential(member, now + timedelta(seconds=lifetime), frozenset(scopes))
        return text

    def find(self, text: str) -> Credential | None:
        """The credential with this text, expired or not."""
        return self._issued.get(text)

    def revoke_all(self, member: str | None = None) -> None:
        """Forget every credential of ``member``, or all."""
        self._issued = {text: one for text, one in self._issued.items() if member not in (None, one.member)}
