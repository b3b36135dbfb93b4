"""google.cloud.secretmanager.v1.SecretManagerService, method by method, over the world's records."""

from datetime import UTC, timedelta
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from pullsecret.domain.checksum import crc32c
from pullsecret.testing.gcp import messages
from pullsecret.testing.gcp.access import Caller, enter_project, require, take_quota
from pullsecret.testing.gcp.list_filter import Fields, parse_filter
from pullsecret.testing.gcp.messages import Message
from pullsecret.testing.gcp.pages import page
from pullsecret.testing.gcp.projects import Project
from pullsecret.testing.gcp.quota import Quota
from pullsecret.testing.gcp.resource_names import (
    ParentName,
    SecretName,
    VersionName,
    parse_parent,
    parse_secret,
    parse_version,
)
from pullsecret.testing.gcp.secret_records import SecretRecord, State, VersionRecord, new_etag
from pullsecret.testing.gcp.secret_update import apply_update, set_expiry
from pullsecret.testing.gcp.status import already_exists, invalid_argument, secret_not_found
from pullsecret.testing.gcp.validation import (
    MAX_PAYLOAD_BYTES,
    check_key,
    check_secret,
    check_secret_id,
    replicas,
)
from pullsecret.testing.gcp.world import World


class SecretManager:
    """The service's methods. Each takes the caller and the request message, and raises ApiError."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create_secret(self, caller: Caller, request: Message) -> Message:
        """A secret without versions."""
        parent = parse_parent(request.parent)
        project = self._admit(caller, parent, "secretmanager.secrets.create", request.parent, Quota.WRITE)
        check_secret_id(request.secret_id)
        check_secret(request.secret, regional=parent.location is not None)
        name = SecretName(ParentName(project.number, parent.location), request.secret_id)
        if str(name) in self._world.secrets:
            raise already_exists(name)
        for key in encryption_keys(request.secret, parent.location):
            self._world.keys.check(key)
        now = self._world.clock.now()
        message = messages.Secret()
        message.CopyFrom(request.secret)
        message.name = str(name)
        message.etag = new_etag()
        message.create_time.FromDatetime(now)
        set_expiry(message, now)
        record = SecretRecord(name, message)
        self._world.secrets[str(name)] = record
        self._world.foresee(record)
        return record.returned()

    def get_secret(self, caller: Caller, request: Message) -> Message:
        """A secret's metadata."""
        return self._secret(caller, request.name, "secretmanager.secrets.get", Quota.READ).returned()

    def list_secrets(self, caller: Caller, request: Message) -> Message:
        """Secrets of a project, newest first."""
        parent = parse_parent(request.parent)
        project = self._admit(caller, parent, "secretmanager.secrets.list", request.parent, Quota.READ)
        matches = parse_filter(request.filter)
        home = ParentName(project.number, parent.location)
        records = [one for one in self._world.secrets.values() if one.name.parent == home]
        records.sort(key=lambda record: record.order, reverse=True)
        found = [(one.order, one.returned()) for one in records if matches(_secret_fields(one))]
        shown, token = page(found, f"{home} {request.filter}", request.page_size, request.page_token)
        total = 0 if request.filter else len(records)
        return messages.ListSecretsResponse(secrets=shown, next_page_token=token, total_size=total)

    def update_secret(self, caller: Caller, request: Message) -> Message:
        """Change the fields named in the update mask."""
        record = self._secret(caller, request.secret.name, "secretmanager.secrets.update", Quota.WRITE)
        record.check_etag(request.secret.etag)
        changed = apply_update(
            record, request.secret, list(request.update_mask.paths), self._world.clock.now()
        )
        for key in encryption_keys(changed, record.name.parent.location):
            self._world.keys.check(key)
        changed.etag = new_etag()
        record.message = changed
        self._world.foresee(record)
        return record.returned()

    def delete_secret(self, caller: Caller, request: Message) -> Message:
        """Remove a secret with all its versions."""
        record = self._secret(caller, request.name, "secretmanager.secrets.delete", Quota.WRITE)
        record.check_etag(request.etag)
        del self._world.secrets[str(record.name)]
        return empty_pb2.Empty()

    def add_secret_version(self, caller: Caller, request: Message) -> Message:
        """A new enabled version; its number is one more than the last ever added."""
        record = self._secret(caller, request.parent, "secretmanager.versions.add", Quota.WRITE)
        data: bytes = request.payload.data
        checksum = crc32c(data)
        if not data:
            raise invalid_argument("payload", "Secret Payload cannot be empty.")
        if len(data) > MAX_PAYLOAD_BYTES:
            raise invalid_argument("payload", f"The payload is larger than {MAX_PAYLOAD_BYTES} bytes.")
        specified = request.payload.HasField("data_crc32c")
        if specified and request.payload.data_crc32c != checksum:
            raise invalid_argument("payload.data_crc32c", "The checksum does not match the payload data.")
        keys = encryption_keys(record.message, record.name.parent.location)
        for key in keys:
            self._world.keys.check(key)
        record.created += 1
        message = messages.SecretVersion(
            name=f"{record.name}/versions/{record.created}",
            state=State.ENABLED,
            etag=new_etag(),
            client_specified_payload_checksum=specified,
        )
        message.create_time.FromDatetime(self._world.clock.now())
        _set_encryption(message, record)
        record.versions.append(VersionRecord(message, data, checksum, keys))
        return message

    def get_secret_version(self, caller: Caller, request: Message) -> Message:
        """A version's metadata; ``latest`` and aliases are resolved."""
        return self._version(caller, request.name, "get", Quota.READ, by_alias=True).message

    def access_secret_version(self, caller: Caller, request: Message) -> Message:
        """An enabled version's payload with its checksum; ``latest`` and aliases are resolved."""
        version = self._version(caller, request.name, "access", Quota.ACCESS, by_alias=True)
        data = version.require_enabled()
        for key in version.keys:
            self._world.keys.check(key)
        payload = messages.SecretPayload(data=data, data_crc32c=version.checksum)
        return messages.AccessSecretVersionResponse(name=version.message.name, payload=payload)

    def list_secret_versions(self, caller: Caller, request: Message) -> Message:
        """Versions of a secret, newest first."""
        record = self._secret(caller, request.parent, "secretmanager.versions.list", Quota.READ)
        matches = parse_filter(request.filter)
        newest_first = [(f"{one.number:020d}", one.message) for one in reversed(record.versions)]
        found = [item for item in newest_first if matches(_version_fields(item[1]))]
        shown, token = page(found, f"{record.name} {request.filter}", request.page_size, request.page_token)
        total = 0 if request.filter else len(newest_first)
        return messages.ListSecretVersionsResponse(versions=shown, next_page_token=token, total_size=total)

    def enable_secret_version(self, caller: Caller, request: Message) -> Message:
        """Make a disabled version readable again."""
        version = self._changeable(caller, request, "enable")
        version.enable()
        return version.message

    def disable_secret_version(self, caller: Caller, request: Message) -> Message:
        """Make a version unreadable."""
        version = self._changeable(caller, request, "disable")
        version.disable()
        return version.message

    def destroy_secret_version(self, caller: Caller, request: Message) -> Message:
        """Destroy a version's payload, now or after the secret's version_destroy_ttl."""
        version = self._changeable(caller, request, "destroy")
        secret = self._world.secrets[version.message.name.partition("/versions/")[0]]
        delay = timedelta(seconds=secret.message.version_destroy_ttl.seconds)
        version.destroy(self._world.clock.now(), delay)
        self._world.foresee(secret)
        return version.message

    def get_iam_policy(self, caller: Caller, request: Any) -> Any:
        """The policy set on a secret itself."""
        record = self._secret(caller, request.resource, "secretmanager.secrets.getIamPolicy", Quota.READ)
        return self._policy(record)

    def set_iam_policy(self, caller: Caller, request: Any) -> Any:
        """Replace the policy of a secret."""
        record = self._secret(caller, request.resource, "secretmanager.secrets.setIamPolicy", Quota.WRITE)
        bindings = {one.role: list(one.members) for one in request.policy.bindings}
        self._world.policies.replace(str(record.name), bindings)
        return self._policy(record)

    def test_iam_permissions(self, caller: Caller, request: Any) -> Any:
        """Which of the asked permissions the caller holds on a secret, set there or on the project.

        A secret that does not exist is no error: nothing is held on it.
        """
        name = parse_secret(request.resource)
        project = enter_project(self._world, name.parent.project)
        take_quota(self._world, project, Quota.READ)
        numbered = SecretName(ParentName(project.number, name.parent.location), name.secret)
        held = list(request.permissions) if str(numbered) in self._world.secrets else []
        if self._world.closed:
            scopes = (f"projects/{project.number}", str(numbered))
            member = caller.member or ""
            held = [one for one in held if self._world.policies.allows(member, one, scopes)]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=held)

    def _policy(self, record: SecretRecord) -> Any:
        bindings = [
            policy_pb2.Binding(role=role, members=members)
            for role, members in self._world.policies.bindings(str(record.name)).items()
        ]
        return policy_pb2.Policy(version=1, bindings=bindings, etag=b"ACAB")

    def _admit(
        self, caller: Caller, parent: ParentName, permission: str, resource: str, quota: Quota, *more: str
    ) -> Project:
        project = enter_project(self._world, parent.project)
        take_quota(self._world, project, quota)
        scopes = [one.replace(f"projects/{parent.project}", f"projects/{project.number}", 1) for one in more]
        require(self._world, caller, project, permission, resource, *scopes)
        return project

    def _secret(self, caller: Caller, text: str, permission: str, quota: Quota) -> SecretRecord:
        name = parse_secret(text)
        project = self._admit(caller, name.parent, permission, text, quota, str(name))
        return self._find(project, name)

    def _find(self, project: Project, name: SecretName) -> SecretRecord:
        numbered = SecretName(ParentName(project.number, name.parent.location), name.secret)
        record = self._world.secrets.get(str(numbered))
        if record is None:
            raise secret_not_found(numbered)
        return record

    def _version(
        self, caller: Caller, text: str, verb: str, quota: Quota, *, by_alias: bool
    ) -> VersionRecord:
        name: VersionName = parse_version(text)
        permission = f"secretmanager.versions.{verb}"
        project = self._admit(caller, name.of.parent, permission, text, quota, str(name.of))
        return self._find(project, name.of).version(name.version, by_alias=by_alias)

    def _changeable(self, caller: Caller, request: Message, verb: str) -> VersionRecord:
        version = self._version(caller, request.name, verb, Quota.WRITE, by_alias=False)
        version.check_etag(request.etag)
        version.require_not_destroyed()
        return version


def encryption_keys(secret: Message, location: str | None) -> tuple[str, ...]:
    """The customer-managed keys of a secret, one a replica. Raises ApiError if one is malformed."""
    if location is not None:
        key = secret.customer_managed_encryption.kms_key_name
        if key:
            check_key(key, location)
        return (key,) if key else ()
    return tuple(key for _, key in replicas(secret) if key)


def _set_encryption(version: Message, record: SecretRecord) -> None:
    location = record.name.parent.location
    if location is not None:
        key = record.message.customer_managed_encryption.kms_key_name
        if key:
            version.customer_managed_encryption.kms_key_version_name = f"{key}/cryptoKeyVersions/1"
        return
    if record.message.replication.WhichOneof("replication") == "automatic":
        status = version.replication_status.automatic
        status.SetInParent()
        _set_key_version(status, replicas(record.message)[0][1])
        return
    for place, key in replicas(record.message):
        _set_key_version(version.replication_status.user_managed.replicas.add(location=place), key)


def _set_key_version(status: Message, key: str) -> None:
    if key:
        status.customer_managed_encryption.kms_key_version_name = f"{key}/cryptoKeyVersions/1"


def _secret_fields(record: SecretRecord) -> Fields:
    message = record.message
    fields: dict[str, Any] = {
        "name": message.name,
        "etag": message.etag,
        "create_time": message.create_time.ToDatetime(UTC),
        "expire_time": record.expiry,
        "labels": " ".join(f"{key}={value}" for key, value in message.labels.items()) or None,
        "replication": message.replication.WhichOneof("replication"),
        "topics.name": " ".join(topic.name for topic in message.topics) or None,
    }
    fields.update({f"labels.{key}": value for key, value in message.labels.items()})
    fields.update({f"annotations.{key}": value for key, value in message.annotations.items()})
    return fields


def _version_fields(message: Message) -> Fields:
    return {
        "name": message.name,
        "etag": message.etag,
        "state": State.Name(message.state),
        "create_time": message.create_time.ToDatetime(UTC),
        "destroy_time": messages.time_of(message, "destroy_time"),
    }
