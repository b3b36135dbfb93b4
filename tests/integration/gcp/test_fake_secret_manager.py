"""The served fake, seen through Google's own Python client over TLS."""

from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, types
from google.iam.v1 import policy_pb2
from google.protobuf import duration_pb2, field_mask_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from pullsecret.domain.checksum import crc32c
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.projects import KeyState, project_number
from pullsecret.testing.gcp.quota import QuotaLimits

PROJECT = "customer-prod"
SECRET = "s"
PARENT = f"projects/{PROJECT}"
NUMBERED = f"projects/{project_number(PROJECT)}"
AUTOMATIC = {"replication": {"automatic": {}}}
KEY = "projects/k/locations/global/keyRings/r/cryptoKeys/c"


def create(client: SecretManagerServiceClient, secret_id: str = SECRET, **fields: object) -> types.Secret:
    return client.create_secret(parent=PARENT, secret_id=secret_id, secret={**AUTOMATIC, **fields})


def add(client: SecretManagerServiceClient, data: bytes, secret: str = SECRET) -> types.SecretVersion:
    return client.add_secret_version(parent=f"{PARENT}/secrets/{secret}", payload={"data": data})


def test_names_come_back_with_the_project_number(official_client: SecretManagerServiceClient) -> None:
    secret = create(official_client, labels={"managed-by": "hyperfleet"})
    assert secret.name == f"{NUMBERED}/secrets/s"
    assert dict(secret.labels) == {"managed-by": "hyperfleet"}
    assert official_client.get_secret(name=secret.name) == official_client.get_secret(
        name=f"{PARENT}/secrets/s"
    )


def test_versions_count_up_and_latest_resolves(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    assert [add(official_client, data).name.rpartition("/")[2] for data in (b"a", b"b", b"c")] == [
        "1",
        "2",
        "3",
    ]
    answer = official_client.access_secret_version(name=f"{PARENT}/secrets/s/versions/latest")
    assert answer.name == f"{NUMBERED}/secrets/s/versions/3"
    assert answer.payload.data == b"c"
    assert answer.payload.data_crc32c == crc32c(b"c")


def test_latest_is_the_newest_version_whatever_its_state(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    add(official_client, b"a")
    newest = add(official_client, b"b")
    official_client.disable_secret_version(name=newest.name)
    with pytest.raises(exceptions.FailedPrecondition, match="is in DISABLED state"):
        official_client.access_secret_version(name=f"{PARENT}/secrets/s/versions/latest")


def test_latest_of_an_empty_secret_is_not_found(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    with pytest.raises(exceptions.NotFound, match="not found or has no versions"):
        official_client.access_secret_version(name=f"{PARENT}/secrets/s/versions/latest")


def test_a_damaged_payload_is_refused_and_not_stored(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    with pytest.raises(exceptions.InvalidArgument):
        official_client.add_secret_version(
            parent=f"{PARENT}/secrets/s", payload={"data": b"a", "data_crc32c": crc32c(b"b")}
        )
    assert list(official_client.list_secret_versions(parent=f"{PARENT}/secrets/s")) == []


def test_it_says_whether_the_client_sent_a_checksum(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    checked = official_client.add_secret_version(
        parent=f"{PARENT}/secrets/s", payload={"data": b"a", "data_crc32c": crc32c(b"a")}
    )
    assert checked.client_specified_payload_checksum
    assert not add(official_client, b"a").client_specified_payload_checksum


@pytest.mark.parametrize(("size", "fits"), [(65_536, True), (65_537, False), (0, False)])
def test_payload_size(official_client: SecretManagerServiceClient, size: int, fits: bool) -> None:
    create(official_client)
    if fits:
        assert add(official_client, bytes(size)).state == types.SecretVersion.State.ENABLED
    else:
        with pytest.raises(exceptions.InvalidArgument):
            add(official_client, bytes(size))


@pytest.mark.parametrize("secret_id", ["", "a.b", "a/b", "é", "a" * 256])
def test_secret_ids_that_are_refused(official_client: SecretManagerServiceClient, secret_id: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        create(official_client, secret_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": {"Upper": "x"}},
        {"labels": {"1digit": "x"}},
        {"labels": {"key": "UPPER"}},
        {"labels": {"key": "a" * 64}},
        {"labels": {f"k{index}": "" for index in range(65)}},
        {"annotations": {"-a": "x"}},
        {"annotations": {"a": "x" * 16_384}},
        {"version_aliases": {"latest": 1}},
        {"version_aliases": {"1st": 1}},
        {"topics": [{"name": "nonsense"}]},
        {"rotation": {"rotation_period": duration_pb2.Duration(seconds=7200)}},
        {"version_destroy_ttl": duration_pb2.Duration(seconds=60)},
        {"replication": {}},
        {"replication": {"user_managed": {"replicas": []}}},
        {"replication": {"user_managed": {"replicas": [{"location": "us-east1"}, {"location": "us-east1"}]}}},
        {"replication": {"user_managed": {"replicas": [{"location": "nowhere"}]}}},
        {"replication": {"automatic": {"customer_managed_encryption": {"kms_key_name": "nonsense"}}}},
        {
            "replication": {
                "automatic": {
                    "customer_managed_encryption": {
                        "kms_key_name": "projects/k/locations/us-east1/keyRings/r/cryptoKeys/c"
                    }
                }
            }
        },
    ],
)
def test_secret_fields_that_are_refused(
    official_client: SecretManagerServiceClient, fields: dict[str, object]
) -> None:
    with pytest.raises(exceptions.InvalidArgument) as refused:
        create(official_client, **fields)
    assert isinstance(refused.value.details[0], error_details_pb2.BadRequest)


def test_a_second_create_is_refused(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    with pytest.raises(exceptions.AlreadyExists, match=r"Secret \[.*\] already exists"):
        create(official_client)


def test_a_stale_etag_is_refused_and_a_fresh_one_is_taken(
    official_client: SecretManagerServiceClient,
) -> None:
    first = create(official_client, labels={"a": "1"})
    mask = field_mask_pb2.FieldMask(paths=["labels"])
    second = official_client.update_secret(
        secret={"name": first.name, "labels": {"a": "2"}, "etag": first.etag}, update_mask=mask
    )
    assert second.etag != first.etag
    with pytest.raises(exceptions.FailedPrecondition, match="etag"):
        official_client.update_secret(
            secret={"name": first.name, "labels": {"a": "3"}, "etag": first.etag}, update_mask=mask
        )
    with pytest.raises(exceptions.FailedPrecondition):
        official_client.delete_secret(request={"name": first.name, "etag": first.etag})
    assert dict(official_client.get_secret(name=first.name).labels) == {"a": "2"}
    official_client.delete_secret(request={"name": first.name, "etag": second.etag})
    with pytest.raises(exceptions.NotFound):
        official_client.get_secret(name=first.name)


@pytest.mark.parametrize("path", ["name", "create_time", "nonsense", "replication.user_managed"])
def test_fields_that_cannot_be_updated(official_client: SecretManagerServiceClient, path: str) -> None:
    secret = create(official_client)
    wanted = {"name": secret.name, "replication": {"user_managed": {"replicas": [{"location": "us-east1"}]}}}
    with pytest.raises(exceptions.InvalidArgument):
        official_client.update_secret(secret=wanted, update_mask=field_mask_pb2.FieldMask(paths=[path]))


def test_states_change_and_destroyed_is_for_good(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    version = add(official_client, b"a")
    disabled = official_client.disable_secret_version(request={"name": version.name, "etag": version.etag})
    assert disabled.etag != version.etag
    with pytest.raises(exceptions.FailedPrecondition):
        official_client.enable_secret_version(request={"name": version.name, "etag": version.etag})
    official_client.enable_secret_version(name=version.name)
    destroyed = official_client.destroy_secret_version(name=version.name)
    assert destroyed.state == types.SecretVersion.State.DESTROYED
    assert destroyed.destroy_time is not None
    for change in (official_client.enable_secret_version, official_client.disable_secret_version):
        with pytest.raises(exceptions.FailedPrecondition, match="DESTROYED"):
            change(name=version.name)


def test_a_delayed_destruction_disables_first(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    create(official_client, version_destroy_ttl=duration_pb2.Duration(seconds=86_400))
    version = add(official_client, b"a")
    waiting = official_client.destroy_secret_version(name=version.name)
    assert waiting.state == types.SecretVersion.State.DISABLED
    assert waiting.scheduled_destroy_time is not None
    fake_google_cloud.world.clock.advance(86_401)
    gone = official_client.get_secret_version(name=version.name)
    assert gone.state == types.SecretVersion.State.DESTROYED


def test_a_secret_expires(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    secret = create(official_client, ttl=duration_pb2.Duration(seconds=3600))
    assert secret.expire_time - secret.create_time == timedelta(hours=1)
    fake_google_cloud.world.clock.advance(3601)
    with pytest.raises(exceptions.NotFound):
        official_client.get_secret(name=secret.name)


def test_aliases_reach_versions(official_client: SecretManagerServiceClient) -> None:
    secret = create(official_client)
    add(official_client, b"a")
    add(official_client, b"b")
    mask = field_mask_pb2.FieldMask(paths=["version_aliases"])
    official_client.update_secret(
        secret={"name": secret.name, "version_aliases": {"stable": 1}}, update_mask=mask
    )
    answer = official_client.access_secret_version(name=f"{secret.name}/versions/stable")
    assert (answer.name.rpartition("/")[2], answer.payload.data) == ("1", b"a")
    with pytest.raises(exceptions.NotFound):
        official_client.disable_secret_version(name=f"{secret.name}/versions/stable")


def test_pages_are_newest_first_and_stable_while_the_list_changes(
    official_client: SecretManagerServiceClient,
) -> None:
    for index in range(5):
        create(official_client, f"s{index}")
    request = types.ListSecretsRequest(parent=PARENT, page_size=2)
    pages = official_client.list_secrets(request=request).pages
    first = next(pages)
    create(official_client, "later")
    official_client.delete_secret(name=f"{PARENT}/secrets/s3")
    rest = [secret.name for page in pages for secret in page.secrets]
    assert [secret.name.rpartition("/")[2] for secret in first.secrets] == ["s4", "s3"]
    assert [name.rpartition("/")[2] for name in rest] == ["s2", "s1", "s0"]
    assert first.total_size == 5


def test_a_page_token_belongs_to_its_query(official_client: SecretManagerServiceClient) -> None:
    for index in range(3):
        create(official_client, f"s{index}")
    first = official_client.list_secrets(request={"parent": PARENT, "page_size": 1})
    for wrong in (
        {"parent": PARENT, "filter": "name:s", "page_token": first.next_page_token},
        {"parent": "projects/another-one", "page_token": first.next_page_token},
        {"parent": PARENT, "page_token": "nonsense"},
    ):
        with pytest.raises(exceptions.InvalidArgument):
            official_client.list_secrets(request=wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"asecret", "bsecret", "other"}),
        ("name:asecret OR name:bsecret", {"asecret", "bsecret"}),
        ("name:secret AND labels.env=prod", {"asecret"}),
        ("name:secret labels.env=prod", {"asecret"}),
        ("labels.env:*", {"asecret", "other"}),
        ("NOT labels.env:*", {"bsecret"}),
        ("-labels.env=prod", {"bsecret", "other"}),
        ("labels.env!=prod", {"bsecret", "other"}),
        ("(name:asecret OR name:other) AND labels.env=dev", {"other"}),
        ('labels.env="dev"', {"other"}),
        ("create_time>2020-01-01T00:00:00Z", {"asecret", "bsecret", "other"}),
        ("create_time<2020-01-01", set()),
        ("secret", {"asecret", "bsecret"}),
    ],
)
def test_filters(official_client: SecretManagerServiceClient, text: str, found: set[str]) -> None:
    create(official_client, "asecret", labels={"env": "prod"})
    create(official_client, "bsecret")
    create(official_client, "other", labels={"env": "dev"})
    listed = official_client.list_secrets(request={"parent": PARENT, "filter": text})
    assert {secret.name.rpartition("/")[2] for secret in listed} == found


@pytest.mark.parametrize("text", ["(name:a", "name:", ":a", "name:a OR", "create_time>yesterday"])
def test_malformed_filters_are_refused(official_client: SecretManagerServiceClient, text: str) -> None:
    create(official_client)
    with pytest.raises(exceptions.InvalidArgument):
        list(official_client.list_secrets(request={"parent": PARENT, "filter": text}))


def test_versions_are_listed_newest_first_and_by_state(official_client: SecretManagerServiceClient) -> None:
    create(official_client)
    names = [add(official_client, data).name for data in (b"a", b"b", b"c")]
    official_client.disable_secret_version(name=names[0])
    parent = f"{PARENT}/secrets/s"
    assert [one.name for one in official_client.list_secret_versions(parent=parent)] == names[::-1]
    for text in ("state:ENABLED", "state=ENABLED", "NOT state:DISABLED", "state!=DISABLED"):
        listed = official_client.list_secret_versions(request={"parent": parent, "filter": text})
        assert [one.name for one in listed] == [names[2], names[1]]


def test_encryption_keys_decide(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    encryption = {"automatic": {"customer_managed_encryption": {"kms_key_name": KEY}}}
    create(official_client, replication=encryption)
    version = add(official_client, b"a")
    used = version.replication_status.automatic.customer_managed_encryption.kms_key_version_name
    assert used == f"{KEY}/cryptoKeyVersions/1"
    key = fake_google_cloud.world.keys.add(KEY)
    key.state = KeyState.DESTROYED
    with pytest.raises(exceptions.FailedPrecondition, match="DESTROYED"):
        official_client.access_secret_version(name=version.name)
    with pytest.raises(exceptions.FailedPrecondition):
        add(official_client, b"b")
    key.state, key.usable_by_service_agent = KeyState.ENABLED, False
    with pytest.raises(exceptions.FailedPrecondition, match="useToEncrypt"):
        create(official_client, "t", replication=encryption)


def test_replicas_report_their_locations(official_client: SecretManagerServiceClient) -> None:
    create(
        official_client,
        replication={"user_managed": {"replicas": [{"location": "us-east1"}, {"location": "europe-west1"}]}},
    )
    version = add(official_client, b"a")
    places = [one.location for one in version.replication_status.user_managed.replicas]
    assert places == ["us-east1", "europe-west1"]


def test_regional_secrets_live_beside_global_ones(official_client: SecretManagerServiceClient) -> None:
    parent = f"{PARENT}/locations/us-east1"
    regional = official_client.create_secret(parent=parent, secret_id="s", secret={})
    create(official_client)
    assert regional.name == f"{NUMBERED}/locations/us-east1/secrets/s"
    official_client.add_secret_version(parent=regional.name, payload={"data": b"r"})
    answer = official_client.access_secret_version(name=f"{regional.name}/versions/latest")
    assert answer.payload.data == b"r"
    assert len(list(official_client.list_secrets(parent=parent))) == 1
    with pytest.raises(exceptions.InvalidArgument):
        official_client.create_secret(parent=parent, secret_id="t", secret=AUTOMATIC)


def test_quota_windows_open_again(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    fake_google_cloud.world.add_project(PROJECT, QuotaLimits(write=2))
    create(official_client, "a")
    create(official_client, "b")
    with pytest.raises(exceptions.ResourceExhausted, match="Write requests") as refused:
        create(official_client, "c")
    assert refused.value.reason == "RATE_LIMIT_EXCEEDED"
    official_client.get_secret(name=f"{PARENT}/secrets/a")
    fake_google_cloud.world.clock.advance(60)
    create(official_client, "c")


def test_disabled_api_and_billing(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    project = fake_google_cloud.world.add_project(PROJECT)
    project.disabled_services.add("secretmanager.googleapis.com")
    with pytest.raises(exceptions.PermissionDenied, match="has not been used in project") as refused:
        official_client.get_secret(name=f"{PARENT}/secrets/s")
    assert refused.value.reason == "SERVICE_DISABLED"
    project.disabled_services.clear()
    project.billing_enabled = False
    with pytest.raises(exceptions.PermissionDenied, match="requires billing") as unbilled:
        official_client.get_secret(name=f"{PARENT}/secrets/s")
    assert unbilled.value.reason == "BILLING_DISABLED"


def test_policies_can_be_set_read_and_tested(official_client: SecretManagerServiceClient) -> None:
    secret = create(official_client)
    binding = policy_pb2.Binding(role="roles/secretmanager.secretAccessor", members=["user:a@example.com"])
    official_client.set_iam_policy({"resource": secret.name, "policy": policy_pb2.Policy(bindings=[binding])})
    assert list(official_client.get_iam_policy({"resource": secret.name}).bindings) == [binding]
    asked = ["secretmanager.versions.access", "secretmanager.versions.add"]
    held = official_client.test_iam_permissions({"resource": secret.name, "permissions": asked})
    assert list(held.permissions) == asked
    missing = official_client.test_iam_permissions({"resource": f"{PARENT}/secrets/no", "permissions": asked})
    assert list(missing.permissions) == []


def test_a_fault_hits_its_method_as_often_as_scripted(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    create(official_client)
    fake_google_cloud.fail("GetSecret", code=StatusCode.ABORTED, times=2, skip=1, retry_after=1.5)
    outcomes = []
    for _ in range(4):
        try:
            official_client.get_secret(name=f"{PARENT}/secrets/s")
            outcomes.append("ok")
        except exceptions.Aborted as error:
            outcomes.append(error.details[0].retry_delay.ToTimedelta().total_seconds())
    assert outcomes == ["ok", 1.5, 1.5, "ok"]


def test_a_lost_response_leaves_the_version_behind(
    official_client: SecretManagerServiceClient, fake_google_cloud: FakeGoogleCloud
) -> None:
    create(official_client)
    fake_google_cloud.fail("AddSecretVersion", code=StatusCode.DEADLINE_EXCEEDED, after_commit=True)
    with pytest.raises(exceptions.DeadlineExceeded):
        add(official_client, b"a")
    assert official_client.access_secret_version(name=f"{PARENT}/secrets/s/versions/1").payload.data == b"a"
    assert fake_google_cloud.world.count("AddSecretVersion", code="DEADLINE_EXCEEDED") == 1


def test_locations(official_client: SecretManagerServiceClient) -> None:
    listed = official_client.list_locations({"name": PARENT})
    assert "us-east1" in [one.location_id for one in listed.locations]
