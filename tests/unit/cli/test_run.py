"""Your own clusters and events, in both dialects, and what becomes of unusable ones."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.unit.cli.conftest import Command, Ran

CONTRACT = Path(__file__).parents[2] / "fixtures" / "contracts" / "hyperfleet-api-core.openapi.yaml"


def lines(ran: Ran) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in ran.out.splitlines()]
    return {line["cluster_id"]: line for line in found}


def contract_schema(name: str) -> Draft202012Validator:
    api = yaml.safe_load(CONTRACT.read_text())
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": api["components"]})


def test_the_design_documents_dialect(pullsecret: Command, examples: Path) -> None:
    ddr = examples / "ddr"
    ran = pullsecret("run", "--clusters", ddr / "clusters.json", "--events", ddr / "events.jsonl")
    told = lines(ran)
    assert ran.code == 1
    assert told["cls-abc123"]["status"]["conditions"]["available"]["status"] == "True"
    assert told["cls-abc123"]["status"]["adapterName"] == "pullsecret"
    assert told["cls-aws1"] == {"cluster_id": "cls-aws1", "status": None, "skipped": "filtered"}
    assert told["cls-wait1"]["skipped"] == 'placementStatus == "True" is not true'
    assert told["cls-bad1"]["status"]["conditions"]["applied"]["reason"] == "InvalidPullSecret"
    assert ran.err.startswith("cls-bad1: InvalidPullSecret: ")


def test_todays_dialect_is_valid_against_the_apis_contract(pullsecret: Command, examples: Path) -> None:
    v1 = examples / "v1"
    clusters = v1 / "clusters.json"
    ran = pullsecret(
        "run", "--config", v1 / "adapter.yaml", "--clusters", clusters, "--events", v1 / "events.jsonl"
    )
    assert (ran.code, ran.err) == (0, "")
    for line in lines(ran).values():
        contract_schema("AdapterStatusCreateRequest").validate(line["status"])
    documents = json.loads(clusters.read_text())
    for document in documents["items"] if isinstance(documents, dict) else documents:
        given = {key: value for key, value in document.items() if key != "statuses"}
        contract_schema("Cluster").validate(given)


def cluster(cluster_id: str, **spec: Any) -> dict[str, Any]:
    return {
        "id": cluster_id,
        "generation": 1,
        "spec": {
            "provider": "gcp",
            "gcp": {"projectId": "customer-1"},
            "pullSecret": {"data": '{"auths": {"quay.io": {"auth": "YTpi"}}}'},
            **spec,
        },
        "status": {
            "adapters": {
                "validation": {"available": "True"},
                "dns": {"available": "True"},
                "placement": {"available": "True", "data": {"namespace": f"clusters-{cluster_id}"}},
            }
        },
    }


def event(cluster_id: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e-{cluster_id}",
        "source": "sentinel",
        "type": "cluster.create",
        "data": {"clusterId": cluster_id, "provider": "gcp", **data},
    }


def ran_with(pullsecret: Command, folder: Path, clusters: str, events: str, *more: object) -> Ran:
    (folder / "clusters.json").write_text(clusters)
    (folder / "events.jsonl").write_text(events)
    return pullsecret(
        "run", "--clusters", folder / "clusters.json", "--events", folder / "events.jsonl", *more
    )


@pytest.mark.parametrize("form", ["one", "array", "list", "lines"])
def test_clusters_come_in_any_form_the_api_gives(pullsecret: Command, tmp_path: Path, form: str) -> None:
    one = cluster("cls-1")
    text = {
        "one": json.dumps(one),
        "array": json.dumps([one]),
        "list": json.dumps({"kind": "ClusterList", "items": [one]}),
        "lines": json.dumps(one) + "\n\n" + json.dumps(cluster("cls-2")) + "\n",
    }[form]
    ran = ran_with(pullsecret, tmp_path, text, json.dumps(event("cls-1")))
    assert ran.code == 0
    assert lines(ran)["cls-1"]["status"]["conditions"]["applied"]["reason"] == "SecretCreated"
    if form == "lines":
        assert lines(ran)["cls-2"] == {"cluster_id": "cls-2", "status": None, "skipped": "no event"}


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_where_json_says_so(pullsecret: Command, tmp_path: Path, character: str) -> None:
    text = "".join(
        json.dumps({**cluster(name), "note": f"before{character}after"}, ensure_ascii=False) + "\n"
        for name in ("cls-1", "cls-2")
    )
    ran = ran_with(pullsecret, tmp_path, text, "")
    assert (ran.code, list(lines(ran))) == (0, ["cls-1", "cls-2"])


def test_doubled_events_make_one_version(pullsecret: Command, tmp_path: Path) -> None:
    events = "\n".join([json.dumps(event("cls-1"))] * 5)
    ran = ran_with(pullsecret, tmp_path, json.dumps(cluster("cls-1")), events)
    assert ran.code == 0
    assert lines(ran)["cls-1"]["status"]["data"]["version"] == "1"


def test_a_malformed_event_is_put_aside_and_told(pullsecret: Command, tmp_path: Path) -> None:
    events = "not json\n" + json.dumps({"a": 1}) + "\n" + json.dumps(event("cls-1"))
    ran = ran_with(pullsecret, tmp_path, json.dumps(cluster("cls-1")), events)
    assert ran.code == 1
    assert lines(ran)["cls-1"]["status"]["conditions"]["available"]["status"] == "True"
    assert ran.err.count("event put aside: ") == 2


def test_a_huge_payload_is_refused_with_its_size(pullsecret: Command, tmp_path: Path) -> None:
    auth = "QUFB" * 20_000
    huge = cluster("cls-1", pullSecret={"data": json.dumps({"auths": {"quay.io": {"auth": auth}}})})
    ran = ran_with(pullsecret, tmp_path, json.dumps(huge), json.dumps(event("cls-1")))
    assert ran.code == 1
    applied = lines(ran)["cls-1"]["status"]["conditions"]["applied"]
    assert applied["reason"] == "InvalidPullSecret"
    assert "65536" in applied["message"]
    assert auth[:40] not in ran.out + ran.err


def test_a_huge_event_is_put_aside(pullsecret: Command, tmp_path: Path) -> None:
    events = json.dumps(event("cls-1", padding="x" * 2_000_000))
    ran = ran_with(pullsecret, tmp_path, json.dumps(cluster("cls-1")), events)
    assert ran.code == 1
    assert "bytes, more than" in ran.err
    assert len(ran.err) < 500


@pytest.mark.parametrize(
    ("clusters", "told"),
    [
        ("{", "line 1: not JSON"),
        ("[1]", "entry 1 is not a JSON object"),
        ('{"id": "a/b", "generation": 1}', "cluster 1: The cluster id 'a/b' is not"),
        ('{"id": "cls-1"}', "cluster 1: The generation 'None' is not"),
        ('{"id": "cls-1", "generation": 1, "spec": {"gcp": {"projectId": 7}}}', "spec.gcp.projectId"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5_000, "line 1: not JSON: a number has too many digits"),
    ],
)
def test_unusable_clusters_end_with_2_in_one_line(
    pullsecret: Command, tmp_path: Path, clusters: str, told: str
) -> None:
    ran = ran_with(pullsecret, tmp_path, clusters, "")
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_missing_and_binary_files_end_with_2(pullsecret: Command, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in ("missing", "binary", "."):
        ran = pullsecret("run", "--clusters", tmp_path / path, "--events", tmp_path / "binary")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1


def test_a_wrong_configuration_ends_with_2(pullsecret: Command, tmp_path: Path) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text("limitz: {}\n")
    ran = ran_with(
        pullsecret, tmp_path, json.dumps(cluster("cls-1")), json.dumps(event("cls-1")), "--config", config
    )
    assert ran.code == 2
    assert ran.err == f"{config}: line 1, column 1: limitz: unknown key. Did you mean limits?\n"


def test_the_configuration_counts(pullsecret: Command, tmp_path: Path) -> None:
    config = tmp_path / "adapter.yaml"
    config.write_text("rollout: {enabled: false}\n")
    ran = ran_with(
        pullsecret, tmp_path, json.dumps(cluster("cls-1")), json.dumps(event("cls-1")), "--config", config
    )
    assert lines(ran)["cls-1"]["skipped"] == "not-rolled-out"
