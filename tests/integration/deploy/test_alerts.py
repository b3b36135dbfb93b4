"""The alerting rules, by Prometheus' own evaluation."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.deploy.alerts_test_cases import CASES, HEALTHY, Case
from tests.integration.deploy.conftest import DEPLOY, ROOT

RULES = DEPLOY / "alerts" / "pullsecret.rules.yaml"
ALERTS: Mapping[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}


def evaluate(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> None:
    """Let promtool run ``tests`` against the rules; fail with what it says."""
    file = folder / "tests.yaml"
    document = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(document))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def as_promtool_test(alert: str, case: Case) -> dict[str, Any]:
    labels = {"alertname": alert, "alertstate": "firing", **ALERTS[alert]["labels"], **case.labels}
    firing = "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{alert}", alertstate="firing"}}',
                "eval_time": case.at,
                "exp_samples": [{"labels": firing, "value": 1}] if case.fires else [],
            }
        ],
    }


def test_each_alert_is_tried_both_ways() -> None:
    assert set(CASES) == set(ALERTS)
    for alert, cases in CASES.items():
        assert {case.fires for case in cases} == {True, False}, alert


@pytest.mark.parametrize("fires", [True, False])
def test_each_fires_when_it_should_and_only_then(fires: bool, promtool: str, tmp_path: Path) -> None:
    chosen = [(alert, case) for alert, cases in CASES.items() for case in cases if case.fires is fires]
    evaluate(promtool, tmp_path, [as_promtool_test(alert, case) for alert, case in chosen])


def test_nothing_fires_in_a_healthy_hour(promtool: str, tmp_path: Path) -> None:
    quiet = [as_promtool_test(alert, Case(HEALTHY, "55m", fires=False)) for alert in ALERTS]
    evaluate(promtool, tmp_path, quiet)


@pytest.mark.parametrize("alert", ALERTS)
def test_it_says_how_urgent_it_is_and_where_its_runbook_is(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = [line[3:] for line in (ROOT / page).read_text().splitlines() if line.startswith("## ")]
    assert alert in headings
    assert anchor == alert.lower()
