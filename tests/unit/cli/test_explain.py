"""What would be done about a cluster, clause by clause, without doing it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_run import cluster, event

SECRET = "YTpi"
STORED = "projects/customer-1/secrets/hyperfleet-cls-1-pull-secret"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "cluster.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write


def test_a_ready_cluster_shows_what_would_be_created(pullsecret: Command, file: Any) -> None:
    ran = pullsecret("explain", "--cluster", file(cluster("cls-1")), "--output", "json")
    assert ran.code == 0
    told = ran.json
    assert all(expression["holds"] for expression in told["expressions"])
    assert told["refused"] is None
    assert told["would_create"] == {
        "temporary secret": "cluster-cls-1-pullsecret-data",
        "job": "pullsecret-cls-1-gen1",
        "secret version": f"{STORED}/versions/(new, unless unchanged)",
        "cluster secret": "clusters-cls-1/cls-1-pull-secret",
    }
    table = pullsecret("explain", "--cluster", file(cluster("cls-1")))
    assert table.code == 0
    for name in told["would_create"].values():
        assert name in table.out


def test_a_false_clause_is_named_with_the_values_it_read(pullsecret: Command, examples: Path) -> None:
    ddr = examples / "ddr"
    ran = pullsecret(
        "explain", "--cluster", ddr / "cluster.json", "--event", ddr / "event.json", "--output", "json"
    )
    assert ran.code == 1
    event_filter, precondition = ran.json["expressions"]
    assert (event_filter["name"], event_filter["holds"]) == ("event filter", True)
    false = [clause for clause in precondition["clauses"] if not clause["holds"]]
    assert false == [
        {"clause": 'placementStatus == "True"', "holds": False, "because": 'placementStatus = "False"'}
    ]
    table = pullsecret("explain", "--cluster", ddr / "cluster.json")
    assert table.code == 1
    assert 'placementStatus = "False"' in table.out
    assert "Nothing would be created." in table.out


def test_a_clause_without_a_value_says_why(pullsecret: Command, file: Any, tmp_path: Path) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text('spec: {preconditions: [{when: {expression: "spec.missing.deep == 1"}}]}\n')
    ran = pullsecret("explain", "--cluster", file(cluster("cls-1")), "--config", config, "--output", "json")
    assert ran.code == 1
    (clause,) = ran.json["expressions"][0]["clauses"]
    assert clause["holds"] is False
    assert clause["because"]


def test_an_event_that_is_filtered_out(pullsecret: Command, file: Any) -> None:
    about = {**event("cls-1"), "type": "cluster.delete"}
    ran = pullsecret(
        "explain",
        "--cluster",
        file(cluster("cls-1")),
        "--event",
        file(about, "event.json"),
        "--output",
        "json",
    )
    assert ran.code == 1
    assert ran.json["expressions"][0]["holds"] is False
    assert ran.json["would_create"] == {}


def test_a_cluster_whose_pull_secret_is_unusable_would_be_refused(pullsecret: Command, file: Any) -> None:
    unusable = cluster("cls-1", pullSecret={"data": '{"auths": {}}'})
    ran = pullsecret("explain", "--cluster", file(unusable), "--output", "json")
    assert ran.code == 1
    assert "names no registry" in ran.json["refused"]
    assert "Would be refused" in pullsecret("explain", "--cluster", file(unusable)).out


def test_a_cluster_that_is_being_deleted_would_not_be_provisioned(pullsecret: Command, file: Any) -> None:
    going = file({**cluster("cls-1"), "deletedTime": "2026-01-01T00:00:00Z"})
    ran = pullsecret("explain", "--cluster", going, "--output", "json")
    assert (ran.code, ran.json["would_create"]) == (1, {})
    assert "being deleted" in ran.json["refused"]


def test_a_cluster_that_is_not_rolled_out_would_not_be_provisioned(
    pullsecret: Command, file: Any, tmp_path: Path
) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text("rollout: {share: 0, clusters: [cls-2]}\n")
    for name, code in (("cls-1", 1), ("cls-2", 0)):
        ran = pullsecret("explain", "--cluster", file(cluster(name)), "--config", config, "--output", "json")
        assert ran.code == code
        assert ("not switched on" in str(ran.json["refused"])) == (code == 1)


@pytest.mark.parametrize("output", ["json", "table"])
def test_the_pull_secret_is_never_shown(pullsecret: Command, file: Any, tmp_path: Path, output: str) -> None:
    config = tmp_path / "adapter.yaml"
    expressions = ["spec.pullSecret.data != nil", "spec != nil", "pullSecretData == 1", "toJSON(spec) != ''"]
    config.write_text(
        json.dumps({"spec": {"preconditions": [{"when": {"expression": each}} for each in expressions]}})
    )
    ran = pullsecret("explain", "--cluster", file(cluster("cls-1")), "--config", config, "--output", output)
    assert "pullSecretData" in ran.out
    assert SECRET not in ran.out + ran.err
    assert "auths" not in ran.out + ran.err


def test_more_than_one_cluster_is_one_too_many(pullsecret: Command, file: Any) -> None:
    ran = pullsecret("explain", "--cluster", file([cluster("cls-1"), cluster("cls-2")]))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("has 2 clusters; give one\n")


def test_an_event_that_is_none_ends_with_2(pullsecret: Command, file: Any) -> None:
    ran = pullsecret("explain", "--cluster", file(cluster("cls-1")), "--event", file({}, "event.json"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
