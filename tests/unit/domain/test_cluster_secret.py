"""The Kubernetes secret's wanted content, and whether a found one already has it (DDR phase 5)."""

import attrs
import pytest

from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster_secret import ClusterSecret, PublishedSecret, cluster_secret
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import CloudSecretRef, ClusterSecretRef, ProvisionTarget
from pullsecret.domain.secret_payload import SecretPayload

REF = ClusterSecretRef("clusters-cls-1", "cls-1-pull-secret")
TARGET = ProvisionTarget(ClusterId("cls-1"), Generation(3), CloudSecretRef("customer-prod", "s"), REF)
PAYLOAD = SecretPayload(b"payload")
WANTED = cluster_secret(TARGET, SecretVersion("7", PAYLOAD, 0xABC), "2026-01-01T00:00:00+00:00")
FOUND = PublishedSecret(
    REF, WANTED.labels, WANTED.annotations, PAYLOAD, "kubernetes.io/dockerconfigjson", "42"
)


def test_the_secret_holds_the_payload_and_says_where_it_came_from() -> None:
    prefix = "pullsecret.hyperfleet.io"
    assert (
        ClusterSecret(
            ref=REF,
            labels={"managed-by": "hyperfleet", "cluster-id": "cls-1"},
            annotations={
                f"{prefix}/cluster-id": "cls-1",
                f"{prefix}/generation": "3",
                f"{prefix}/secret-path": "projects/customer-prod/secrets/s/versions/7",
                f"{prefix}/secret-version": "7",
                f"{prefix}/crc32c": "00000abc",
                f"{prefix}/created-at": "2026-01-01T00:00:00+00:00",
            },
            payload=PAYLOAD,
        )
        == WANTED
    )


def test_a_secret_that_is_as_wanted_needs_no_writing() -> None:
    assert FOUND.holds(WANTED)


def test_what_others_added_is_no_difference() -> None:
    found = attrs.evolve(
        FOUND, labels={**FOUND.labels, "team": "x"}, annotations={**FOUND.annotations, "note": "y"}
    )
    assert found.holds(WANTED)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Opaque"},
        {"payload": None},
        {"payload": SecretPayload(b"other")},
        {"labels": {}},
        {"labels": {**WANTED.labels, "cluster-id": "cls-2"}},
        {"annotations": {}},
        *({"annotations": {**WANTED.annotations, key: "other"}} for key in WANTED.annotations),
    ],
)
def test_any_other_difference_is_one(change: dict[str, object]) -> None:
    assert not attrs.evolve(FOUND, **change).holds(WANTED)


@pytest.mark.parametrize(
    ("noted", "generation"),
    [
        ("1", 1),
        ("12", 12),
        ("9223372036854775807", 2**63 - 1),
        ("", 0),
        ("0", 0),
        ("-1", 0),
        ("+1", 0),
        ("1 ", 0),
        ("1\n", 0),
        ("1_0", 0),
        ("²", 0),
        ("١", 0),
        pytest.param("9" * 5000, 0, id="more digits than Python reads"),
    ],
)
def test_the_generation_is_read_back_whatever_somebody_wrote_there(noted: str, generation: int) -> None:
    annotations = {"pullsecret.hyperfleet.io/generation": noted}
    assert attrs.evolve(FOUND, annotations=annotations).generation == generation


def test_what_was_never_noted_is_not_known() -> None:
    bare = attrs.evolve(FOUND, annotations={})
    assert bare.generation == 0
    assert bare.created_at is None
    assert FOUND.created_at == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("noted", "ref"),
    [
        ("projects/p/secrets/s/versions/7", CloudSecretRef("p", "s")),
        ("projects/p/secrets/s", CloudSecretRef("p", "s")),
        ("projects//secrets/s", None),
        ("projects/p/secrets/", None),
        ("projects/p/things/s", None),
        ("x/projects/p/secrets/s", None),
        ("", None),
        (None, None),
    ],
)
def test_a_cluster_secret_says_where_it_was_read_from(noted: str | None, ref: CloudSecretRef | None) -> None:
    annotations = {} if noted is None else {"pullsecret.hyperfleet.io/secret-path": noted}
    found = PublishedSecret(REF, {}, annotations, None, "Opaque", "1")
    assert found.cloud_secrets == (() if ref is None else (ref,))


def test_it_notes_where_the_pull_secret_was_before_its_cluster_moved() -> None:
    earlier = (CloudSecretRef("before", "s"), CloudSecretRef("long-before", "t"))
    wanted = cluster_secret(TARGET, SecretVersion("7", PAYLOAD, 0xABC), "2026-01-01T00:00:00+00:00", earlier)
    found = attrs.evolve(FOUND, annotations=wanted.annotations)
    assert found.cloud_secrets == (TARGET.cloud_secret, *earlier)
    assert not FOUND.holds(wanted)


@pytest.mark.parametrize(
    ("version", "path", "known"),
    [
        ("7", "projects/customer-prod/secrets/s/versions/7", "7"),
        ("8", "projects/customer-prod/secrets/s/versions/7", None),
        ("7", "projects/customer-prod/secrets/another/versions/7", None),
        ("latest", "projects/customer-prod/secrets/s/versions/latest", None),
        (None, "projects/customer-prod/secrets/s/versions/7", None),
        ("7", None, None),
    ],
)
def test_the_version_is_known_where_both_annotations_name_it(
    version: str | None, path: str | None, known: str | None
) -> None:
    noted = {"secret-version": version, "secret-path": path}
    annotations = {f"pullsecret.hyperfleet.io/{name}": text for name, text in noted.items() if text}
    found = attrs.evolve(FOUND, annotations=annotations)
    assert found.version_from(TARGET.cloud_secret) == known
