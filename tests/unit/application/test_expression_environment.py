"""What expressions may read: both of the design's forms, in both dialects, and never a payload."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.unit.application.scene import Says, event_about

from pullsecret.application.expression_environment import cluster_environment
from pullsecret.application.outcomes import Skipped
from pullsecret.application.preconditions import first_unmet
from pullsecret.domain.cluster_document import DDR_PATHS, V1_PATHS, ClusterDocumentPaths, read_cluster
from pullsecret.domain.facts import SkipReason
from pullsecret.domain.identifiers import ClusterId
from pullsecret.expressions import Clause, compile
from pullsecret.ports.cluster_catalog import CatalogEntry

SECRET = '{"auths": {"quay.io": {"auth": "YTpi"}}}'

DDR: dict[str, Any] = {
    "id": "cls-1",
    "generation": 3,
    "spec": {
        "provider": "gcp",
        "region": "us-east1",
        "gcp": {"projectId": "customer-1"},
        "pullSecret": {"data": SECRET},
    },
    "status": {
        "adapters": {
            "validation": {"available": "True"},
            "dns": {"available": "False"},
            "placement": {"available": "True", "data": {"namespace": "clusters-cls-1"}},
        }
    },
}
V1: dict[str, Any] = {
    "id": "cls-1",
    "generation": 3,
    "spec": {
        "platform": {"type": "gcp", "gcp": {"projectID": "customer-1", "region": "us-east1"}},
        "pullSecret": {"data": SECRET},
    },
    "status": {
        "conditions": [
            {"type": "ValidationSuccessful", "status": "True"},
            {"type": "DnsSuccessful", "status": "False"},
            {"type": "PlacementSuccessful", "status": "True"},
        ]
    },
    "statuses": [{"adapter": "placement", "data": {"namespace": {"name": "clusters-cls-1"}}}],
}


def environment_of(document: dict[str, Any], where: ClusterDocumentPaths) -> dict[str, Any]:
    event = event_about(ClusterId("cls-1"), data={"provider": "gcp"})
    return cluster_environment(event, CatalogEntry(*read_cluster(document, where)), where)


@pytest.mark.parametrize(("document", "where"), [(DDR, DDR_PATHS), (V1, V1_PATHS)], ids=["ddr", "v1"])
def test_the_short_names_are_the_same_in_both_dialects(
    document: dict[str, Any], where: ClusterDocumentPaths
) -> None:
    seen = environment_of(document, where)
    assert {name: seen[name] for name in seen if name not in document and name != "event"} == {
        "cloudProvider": "gcp",
        "gcpProjectId": "customer-1",
        "pullSecretData": "[redacted]",
        "region": "us-east1",
        "namespace": "clusters-cls-1",
        "validationStatus": "True",
        "dnsStatus": "False",
        "placementStatus": "True",
        "validation": "validation",
        "dns": "dns",
        "placement": "placement",
        "clusterId": "cls-1",
    }
    assert seen["generation"] == 3
    assert seen["event"]["Data"] == {"provider": "gcp"}
    assert {name: part["available"] for name, part in seen["status"]["adapters"].items()} == {
        "validation": "True",
        "dns": "False",
        "placement": "True",
    }


@pytest.mark.parametrize(("document", "where"), [(DDR, DDR_PATHS), (V1, V1_PATHS)], ids=["ddr", "v1"])
def test_the_long_form_reads_the_document_itself_without_the_payload(
    document: dict[str, Any], where: ClusterDocumentPaths
) -> None:
    seen = environment_of(document, where)
    assert seen["spec"]["pullSecret"] == {"data": "[redacted]"}
    assert SECRET not in repr(seen)
    assert {**seen["spec"], "pullSecret": None} == {**document["spec"], "pullSecret": None}


def test_what_else_the_status_says_is_read_too() -> None:
    status = {**DDR["status"], "phase": "Ready"}
    assert environment_of({**DDR, "status": status}, DDR_PATHS)["status"]["phase"] == "Ready"


def test_what_is_not_there_is_none() -> None:
    seen = environment_of({"id": "cls-1", "generation": 1}, DDR_PATHS)
    names = ("cloudProvider", "gcpProjectId", "pullSecretData", "region", "namespace", "dnsStatus")
    assert [seen[name] for name in names] == [None] * len(names)
    assert seen["status"]["adapters"]["dns"] == {"available": None}


def test_all_preconditions_have_to_hold() -> None:
    assert first_unmet([], {}) is None
    assert first_unmet([Says(True), Says(True)], {}) is None
    unmet = first_unmet([Says(True), Says(False, "first"), Says(False, "second")], {})
    assert unmet is not None
    assert unmet.detail == "first is not true"


class HoldsAtASecondLook(Says):
    """A precondition on the time, say, that comes true between two looks."""

    def clauses(self, environment: Mapping[str, Any]) -> Sequence[Clause]:
        return [Clause(self.source, True, None, {})]


def test_a_precondition_none_of_whose_clauses_is_false_is_named_itself() -> None:
    assert first_unmet([HoldsAtASecondLook(False, "whole")], {}) == Skipped(
        SkipReason.PRECONDITION, "whole is not true"
    )


def test_clauses_are_evaluated_in_the_same_environment() -> None:
    unmet = first_unmet([compile("a && b && c")], {"a": True, "b": True, "c": False})
    assert unmet == Skipped(SkipReason.PRECONDITION, "c is not true")
