"""What the documentation and the examples show is what is sent and what the contract allows."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.hyperfleet.contract import DDR_CLUSTER, DDR_STATUS, violations

from pullsecret.domain.clean_up import CleanUpJob, CleanUpKey, CleanUpOrder, CleanUpResult, Remains
from pullsecret.domain.cluster_document import ClusterDocumentPaths, Paths
from pullsecret.domain.conditions import StatusReport, job_report
from pullsecret.domain.finalization import clean_up_report
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionResult,
    ProvisionTarget,
)
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.infrastructure.hyperfleet.render import render_ddr, render_v1
from pullsecret.infrastructure.hyperfleet.settings import Dialect

REPOSITORY = Path(__file__).parents[3]
NOW = datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)


def success() -> StatusReport:
    cluster_id, generation = ClusterId("cls-123"), Generation(1)
    target = ProvisionTarget(
        cluster_id,
        generation,
        CloudSecretRef("customer-prod-12345", "hyperfleet-cls-123-pull-secret"),
        ClusterSecretRef("clusters-cls-123", "cls-123-pull-secret"),
    )
    state = Finished(ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1"), NOW - timedelta(seconds=1))
    return job_report(
        ProvisionJob(ProvisionKey(cluster_id, generation), target, state, NOW - timedelta(seconds=5)),
        state,
        NOW,
    )


def finalized() -> StatusReport:
    order = CleanUpOrder(CleanUpKey(ClusterId("cls-123"), Generation(2)), Remains())
    finished = Finished(CleanUpResult(), NOW - timedelta(seconds=1))
    return clean_up_report(CleanUpJob(order, finished, NOW - timedelta(seconds=5)), finished, NOW)


def shown(page: str, example: str) -> Any:
    text = (REPOSITORY / "docs" / page).read_text()
    found = re.search(rf"<!-- example: {example} -->\n```json\n(.*?)```", text, re.DOTALL)
    assert found, f"{page} has no example {example!r}"
    return json.loads(found[1])


@pytest.mark.parametrize(
    ("example", "sent", "schema"),
    [
        ("ddr success", render_ddr(success()), DDR_STATUS),
        ("v1 success", render_v1(success()), {"$ref": "#/components/schemas/AdapterStatusCreateRequest"}),
        ("v1 finalized", render_v1(finalized()), {"$ref": "#/components/schemas/AdapterStatusCreateRequest"}),
    ],
)
def test_the_status_page_shows_what_is_sent(example: str, sent: Any, schema: dict[str, Any]) -> None:
    assert shown("status-format.md", example) == sent
    assert list(violations(schema, sent)) == []


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_table_of_paths_is_the_default(dialect: Dialect) -> None:
    text = (REPOSITORY / "docs" / "hyperfleet-api.md").read_text()
    table = text.partition("<!-- table: paths -->")[2].partition("\n\n")[0].strip().splitlines()
    column = [cell.strip(" `") for cell in table[0].split("|")].index(dialect.value)
    told = {}
    for row in table[2:]:
        cells = [cell.strip() for cell in row.split("|")]
        told[cells[1]] = re.findall(r"`([^`]+)`", cells[column])
    paths = dialect.document_paths
    assert told == {
        **{row: texts(getattr(paths, field)) for row, field in FIELDS.items()},
        **{f"{name} done": texts(found) for name, found in paths.dependencies.items()},
    }
    assert set(FIELDS.values()) | {"dependencies"} == set(ClusterDocumentPaths.__annotations__)


FIELDS = {
    "provider": "provider",
    "project": "project",
    "region": "region",
    "pull secret": "pull_secret",
    "secret name": "secret_name",
    "namespace": "namespace",
    "deleting": "deleting",
    "replica locations": "replica_locations",
    "encryption keys": "encryption_keys",
}


def texts(paths: Paths) -> list[str]:
    return [str(path) for path in paths]


@pytest.mark.parametrize(
    ("file", "schema"),
    [("v1", {"$ref": "#/components/schemas/Cluster"}), ("ddr", DDR_CLUSTER)],
)
def test_the_example_clusters_keep_the_contract(file: str, schema: dict[str, Any]) -> None:
    clusters = json.loads((REPOSITORY / "examples" / file / "clusters.json").read_text())
    assert clusters
    for cluster in clusters:
        assert list(violations(schema, cluster)) == []


def test_a_body_that_breaks_the_contract_is_seen() -> None:
    broken = render_v1(success()) | {"observed_generation": "one", "observed_time": "yesterday"}
    found = list(violations({"$ref": "#/components/schemas/AdapterStatusCreateRequest"}, broken))
    assert [fault.partition(":")[0] for fault in sorted(found)] == [
        "$.observed_generation",
        "$.observed_time",
    ]
