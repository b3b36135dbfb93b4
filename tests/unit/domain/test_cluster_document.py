"""A cluster is read out of both dialects' JSON, and nothing of its pull secret stays readable."""

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.cluster import Cluster, StoragePolicy
from pullsecret.domain.cluster_document import (
    DDR_PATHS,
    V1_PATHS,
    ClusterDocumentPaths,
    find_first,
    paths,
    read_cluster,
    redacted,
    sealed,
)
from pullsecret.domain.document_path import DocumentPath
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload

TEXT = '{"auths":{"quay.io":{"auth":"dTpw"}}}'
EXPECTED = Cluster(
    ClusterId("cls-1"),
    Generation(3),
    provider="gcp",
    project="customer-prod",
    pull_secret=SecretPayload(TEXT.encode()),
    secret_name="theirs",
    namespace="clusters-cls-1",
    storage=StoragePolicy(("europe-west3",), ("key",)),
    deleting=True,
    deleted_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
)
PULL_SECRET = {
    "data": TEXT,
    "secretName": "theirs",
    "replicaLocations": ["europe-west3"],
    "encryptionKeys": ["key"],
}


def ddr() -> dict[str, Any]:
    return {
        "id": "cls-1",
        "generation": 3,
        "deletedTime": "2026-01-01T12:00:00Z",
        "spec": {
            "provider": "gcp",
            "gcp": {"projectId": "customer-prod", "region": "europe-west3"},
            "pullSecret": copy.deepcopy(PULL_SECRET),
        },
        "status": {
            "adapters": {
                "validation": {"available": "True"},
                "dns": {"available": "False"},
                "placement": {"available": "Unknown", "data": {"namespace": "clusters-cls-1"}},
            }
        },
    }


def v1() -> dict[str, Any]:
    return {
        "id": "cls-1",
        "generation": 3,
        "deleted_time": "2026-01-01T12:00:00Z",
        "spec": {
            "platform": {"type": "gcp", "gcp": {"projectID": "customer-prod", "region": "europe-west3"}},
            "pullSecret": copy.deepcopy(PULL_SECRET),
        },
        "status": {
            "conditions": [
                {"type": "ValidationSuccessful", "status": "True"},
                {"type": "DnsSuccessful", "status": "False"},
                {"type": "PlacementSuccessful", "status": "Unknown"},
            ]
        },
        "statuses": [
            {"adapter": "dns", "data": {"namespace": {"name": "wrong"}}},
            {"adapter": "placement", "data": {"namespace": {"name": "clusters-cls-1"}}},
        ],
    }


DIALECTS = pytest.mark.parametrize(
    ("document", "where"), [(ddr(), DDR_PATHS), (v1(), V1_PATHS)], ids=["ddr", "v1"]
)


@DIALECTS
def test_the_whole_cluster_is_read(document: dict[str, Any], where: ClusterDocumentPaths) -> None:
    before = copy.deepcopy(document)
    cluster, shown = read_cluster(document, where)
    assert cluster == EXPECTED
    assert shown == {
        **document,
        "spec": {**document["spec"], "pullSecret": {**PULL_SECRET, "data": "[redacted]"}},
    }
    assert document == before


@DIALECTS
def test_what_a_precondition_waits_for_is_found(
    document: dict[str, Any], where: ClusterDocumentPaths
) -> None:
    found = {name: find_first(document, places) for name, places in where.dependencies.items()}
    assert found == {"validation": "True", "dns": "False", "placement": "Unknown"}
    assert find_first(document, where.region) == "europe-west3"


@pytest.mark.parametrize("where", [DDR_PATHS, V1_PATHS])
def test_what_is_not_there_is_none(where: ClusterDocumentPaths) -> None:
    document = {"id": "cls-1", "generation": 1}
    assert read_cluster(document, where) == (Cluster(ClusterId("cls-1"), Generation(1)), document)


FALLBACKS = {
    "provider": ({"spec": {"provider": "gcp"}}, V1_PATHS.provider),
    "project": ({"spec": {"gcp": {"projectId": "gcp"}}}, V1_PATHS.project),
    "region in gcp": ({"spec": {"gcp": {"region": "gcp"}}}, V1_PATHS.region),
    "region": ({"spec": {"region": "gcp"}}, V1_PATHS.region),
    "ddr region": ({"spec": {"region": "gcp"}}, DDR_PATHS.region),
    "namespace": ({"statuses": [{"adapter": "placement", "data": {"namespace": "gcp"}}]}, V1_PATHS.namespace),
    "ddr namespace": ({"status": {"adapters": {"placement": {"namespace": "gcp"}}}}, DDR_PATHS.namespace),
    "ddr deleting": ({"deleted_time": "gcp"}, DDR_PATHS.deleting),
    "locations": ({"spec": {"platform": {"gcp": {"replicaLocations": "gcp"}}}}, V1_PATHS.replica_locations),
    "keys": ({"spec": {"platform": {"gcp": {"encryptionKeys": "gcp"}}}}, V1_PATHS.encryption_keys),
    "ddr locations": ({"spec": {"gcp": {"replicaLocations": "gcp"}}}, DDR_PATHS.replica_locations),
    "ddr keys": ({"spec": {"gcp": {"encryptionKeys": "gcp"}}}, DDR_PATHS.encryption_keys),
}


@pytest.mark.parametrize(("document", "places"), FALLBACKS.values(), ids=FALLBACKS)
def test_a_value_is_found_at_its_other_place_too(
    document: dict[str, Any], places: tuple[DocumentPath, ...]
) -> None:
    assert find_first(document, places) == "gcp"


def test_the_first_place_counts() -> None:
    assert find_first({"a": 1, "b": 2}, paths("b", "a")) == 2
    assert find_first({"a": 1, "b": None}, paths("b", "a")) == 1
    assert find_first({}, paths("b", "a")) is None


def with_value(path: str, value: object) -> dict[str, Any]:
    document = ddr()
    node = document
    *way, last = path.split(".")
    for key in way:
        node = node[key]
    node[last] = value
    return document


WRONG_KINDS = [
    ("spec.provider", ["gcp"], "text"),
    ("spec.gcp.projectId", 12345, "text"),
    ("spec.pullSecret.secretName", True, "text"),
    ("status.adapters.placement.data.namespace", {"name": "x"}, "text"),
    ("spec.pullSecret.replicaLocations", "europe-west3", "a list of texts"),
    ("spec.pullSecret.encryptionKeys", ["key", 7], "a list of texts"),
]


@pytest.mark.parametrize(("path", "value", "wanted"), [("id", 7, "text"), *WRONG_KINDS])
def test_a_value_of_the_wrong_kind_is_named_by_its_path(path: str, value: object, wanted: str) -> None:
    document = with_value(path, value) | {"deletedTime": None}
    with pytest.raises(PermanentError) as caught:
        read_cluster(document, DDR_PATHS)
    error = caught.value
    assert error.operation == "read-cluster"
    assert error.subject == f"cluster {document['id']!r}"
    assert error.reason is Reason.INVALID_CLUSTER
    assert error.cause == f"The value at {path} is not {wanted}."
    assert error.remedy == f"Correct {path} in the cluster."


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, value, _ in WRONG_KINDS])
def test_a_cluster_being_deleted_is_read_without_its_values_of_the_wrong_kind(
    path: str, value: object
) -> None:
    read, _ = read_cluster(with_value(path, value), DDR_PATHS)
    assert read == read_cluster(with_value(path, None), DDR_PATHS)[0]
    assert read.deleting


def test_a_long_wrong_id_is_shown_in_part() -> None:
    with pytest.raises(PermanentError) as caught:
        read_cluster(with_value("id", ["x" * 200]), DDR_PATHS)
    assert caught.value.subject == "cluster ['" + "x" * 78


@pytest.mark.parametrize(("path", "value"), [("id", None), ("id", ""), ("id", "a/b"), ("generation", None)])
def test_a_cluster_without_identity_is_refused(path: str, value: object) -> None:
    with pytest.raises(PermanentError) as caught:
        read_cluster(with_value(path, value), DDR_PATHS)
    assert caught.value.reason is Reason.INVALID_CLUSTER


@pytest.mark.parametrize("path", ["spec.provider", "spec.gcp.projectId", "spec.pullSecret.secretName"])
def test_an_empty_text_is_no_value(path: str) -> None:
    cluster, _ = read_cluster(with_value(path, ""), DDR_PATHS)
    assert None in (cluster.provider, cluster.project, cluster.secret_name)


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_pull_secret_is_none_for_preconditions_too(empty: object) -> None:
    cluster, shown = read_cluster(with_value("spec.pullSecret.data", empty), DDR_PATHS)
    assert cluster.pull_secret is None
    assert shown["spec"]["pullSecret"]["data"] is None


@pytest.mark.parametrize(
    ("value", "deleting", "at"),
    [
        ("2026-01-01T12:00:00Z", True, datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T13:00:00.5+01:00", True, datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01T12:00:00", True, None),
        ("soon", True, None),
        (1767268800, True, None),
        (None, False, None),
        ("", False, None),
        (False, False, None),
    ],
)
def test_a_cluster_is_deleted_only_if_its_document_says_so(
    value: object, deleting: bool, at: datetime | None
) -> None:
    cluster, _ = read_cluster(with_value("deletedTime", value), DDR_PATHS)
    assert (cluster.deleting, cluster.deleted_at) == (deleting, at)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (TEXT, TEXT.encode()),
        ("ä", "ä".encode()),
        ("\ud800", b"\xed\xa0\x80"),
        ({"auths": {"ä": 1}, "b": [1, 2]}, b'{"auths":{"\\u00e4":1},"b":[1,2]}'),
        ({}, b"{}"),
        ([], b"[]"),
        (["x"], b'["x"]'),
        (0, b"0"),
        (False, b"false"),
    ],
)
def test_whatever_stands_for_the_pull_secret_is_sealed(value: object, data: bytes) -> None:
    document = sealed(with_value("spec.pullSecret.data", value), DDR_PATHS)
    assert document["spec"]["pullSecret"]["data"] == SecretPayload(data)
    cluster, shown = read_cluster(document, DDR_PATHS)
    assert cluster.pull_secret == SecretPayload(data)
    assert shown["spec"]["pullSecret"]["data"] == "[redacted]"
    assert sealed(document, DDR_PATHS) == document


def test_every_place_of_a_pull_secret_is_sealed_and_redacted() -> None:
    where = attrs.evolve(DDR_PATHS, pull_secret=paths("one", "two", "three"))
    document = {"id": "cls-1", "generation": 1, "one": "a", "two": "b"}
    assert sealed(document, where) == {**document, "one": SecretPayload(b"a"), "two": SecretPayload(b"b")}
    assert redacted(document, where) == {**document, "one": "[redacted]", "two": "[redacted]"}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["id", "generation", "deletedTime", "spec", "status", "spec.gcp", "spec.pullSecret"]),
    json_values,
)
def test_any_json_is_either_a_cluster_or_refused_as_such(path: str, value: object) -> None:
    document = with_value(path, value)
    with suppress(PermanentError):
        cluster, _ = read_cluster(document, DDR_PATHS)
        assert cluster.id.value == document["id"]


@given(json_values)
def test_no_pull_secret_of_any_kind_stays_readable(value: object) -> None:
    canary = {"c4n4ry": ["c4n4ry", value]}
    cluster, shown = read_cluster(with_value("spec.pullSecret.data", canary), DDR_PATHS)
    assert "c4n4ry" not in f"{cluster}{shown}"
    assert "c4n4ry" not in json.dumps(shown)


@pytest.mark.parametrize(("generation", "known"), [(7, 7), (None, None), ("seven", None), (0, None)])
def test_an_unreadable_cluster_says_its_generation_if_that_can_be_read(
    generation: object, known: int | None
) -> None:
    document = {**with_value("spec.gcp.projectId", 7), "generation": generation, "deletedTime": None}
    with pytest.raises(PermanentError) as caught:
        read_cluster(document, DDR_PATHS)
    assert getattr(caught.value, "generation", None) == known
