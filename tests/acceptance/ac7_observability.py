"""AC7: Observability."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from deploy.generate.dashboards import RANGE, queries
from tests.acceptance import scenes
from tests.acceptance.checks import Finding, When, check, require
from tests.acceptance.world import AcceptanceWorld

_DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_EXPECTED: Final = (
    "pullsecret_job_duration_seconds",
    'pullsecret_job_total{result="success"}',
    "pullsecret_gcp_api_calls_total",
)


@check("AC7.1", "GET of `/metrics` at the adapter's port, and what Prometheus says about its scrapes.")
async def exposed(world: AcceptanceWorld) -> Finding:
    answer = await world.api.get(world.metrics_url)
    require(answer.status_code == 200, f"status {answer.status_code}")
    names = {line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE pullsecret_")}
    up = await world.prometheus.number('up{job="pullsecret-adapter"}')
    require(up == 1, f"up is {up}")
    require(len(names) > 10, f"{len(names)} metrics")
    return Finding(f"status 200, {len(names)} metrics of pullsecret; up == 1", answer.headers["content-type"])


@check(
    "AC7.2", "Job duration, success rate and API calls are asked of a real Prometheus that scraped the run."
)
async def included(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    await scenes.refused_permission(world)
    await world.prometheus.caught_up()
    count = await world.prometheus.number("pullsecret_job_duration_seconds_count")
    successes = await world.prometheus.number('pullsecret_job_total{result="success"}')
    share = await world.prometheus.number(
        'pullsecret_job_total{result="success"} / scalar(sum(pullsecret_job_total))'
    )
    calls = await world.prometheus.number("sum(pullsecret_gcp_api_calls_total)")
    require(
        count >= 2 and successes >= 1 and calls >= 8,
        f"{count} durations, {successes} successes, {calls} calls",
    )
    require(0 < share < 1, f"success rate {share}")
    return Finding(
        f"{count:.0f} durations, success rate {share:.0%} with provoked failures, {calls:.0f} API calls"
    )


@check(
    "AC7.3",
    "Every line of the adapter's and of every job's log is parsed; lines about one cluster are picked by "
    "`cluster_id` from both and must tell its way in order.",
)
async def structured(world: AcceptanceWorld) -> Finding:
    cluster = await scenes.created(world)
    await scenes.failures(world)
    lines = [json.loads(line) for line in [*world.adapter_log().splitlines(), *world.job_log().splitlines()]]
    wanted = {"timestamp", "level", "cluster_id", "gcp_project", "operation", "message", "version"}
    for line in lines:
        require(wanted <= set(line), f"keys {sorted(line)}")
    of_cluster = [*world.adapter_lines(cluster=cluster), *world.job_lines(cluster)]
    of_cluster.sort(key=lambda line: line["timestamp"].removesuffix("Z"))
    operations = [line["operation"] for line in of_cluster]
    for operation in (
        "take-event",
        "submit-job",
        "create-secret-version",
        "create-cluster-secret",
        "post-status",
    ):
        require(operation in operations, f"{operation} is not among {operations}")
    return Finding(
        f"{len(lines)} of {len(lines)} lines; {len(of_cluster)} about one cluster, from event to status"
    )


@check(
    "AC7.4",
    "The logs of the adapter and of all jobs of the run are searched for every pull secret that the run "
    "gave out and for every credential that the served Google Cloud issued.",
    when=When.AT_THE_END,
)
async def nothing_sensitive(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    logs = {"adapter": world.adapter_log(), "jobs": world.job_log()}
    found = [
        name
        for name, text in logs.items()
        if world.traces_of_payloads(text) or "ya29." in text or "eyJ" in text
    ]
    require(not found, f"sensitive data in the logs of {found}")
    size = sum(map(len, logs.values()))
    return Finding(
        f"0 findings in {size / 1e6:.2f} MB of logs, {len(world.payloads)} pull secrets searched for"
    )


@check(
    "AC7.5",
    "Every dashboard that the chart brings for Grafana's sidecar is read; every query in it is answered by "
    "the Prometheus of this run. No Grafana runs here.",
    when=When.AT_THE_END,
)
async def dashboards(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    await world.prometheus.caught_up()
    files = sorted((_DEPLOY / "dashboards").glob("*.json"))
    panels = 0
    for file in files:
        board = json.loads(file.read_text())
        require(
            board.get("title") and board.get("uid") and board.get("schemaVersion"),
            f"{file.name} is no dashboard",
        )
        panels += sum(panel["type"] != "row" for panel in _panels(board))
    template = (_DEPLOY / "chart" / "templates" / "monitoring.yaml").read_text()
    require("dashboards" in template, "the chart brings no dashboards")
    asked = list(queries())
    answered = [query for query in asked if await world.prometheus.samples(query.replace(RANGE, "5m"))]
    require(answered, "no query gives data")
    return Finding(
        f"{len(files)} dashboards, {panels} panels, {len(asked)} queries accepted, {len(answered)} with data",
        "the chart's ConfigMaps",
    )


@check(
    "AC7.validation",
    "`curl .../metrics | grep pullsecret` for the three expected metrics; `jq .` over the adapter's log.",
)
async def curl_and_jq(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    text = (await world.api.get(world.metrics_url)).text
    missing = [name for name in _EXPECTED if not re.search(rf"^{re.escape(name)}", text, re.MULTILINE)]
    require(not missing, f"missing: {missing}")
    lines = [json.loads(line) for line in world.adapter_log().splitlines()]
    return Finding(f"{len(_EXPECTED)} of {len(_EXPECTED)} metrics; {len(lines)} lines are JSON")


def _panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])
