"""The engine's own answers: to the shared cases, and to those that were recorded."""

import json
from collections import Counter
from pathlib import Path

from pullsecret.expressions.outcome import outcome

FIXTURES = Path(__file__).parents[2] / "fixtures"
TOLD = ("outcome", "type", "value")


def agreed_ends(folder: Path) -> Counter[str]:
    """How the cases of ``folder`` end, which is as in the engine."""
    environments = json.loads((folder / "expr-environments.json").read_text("utf-8"))
    ended: Counter[str] = Counter()
    for line in (folder / "expr-cases.jsonl").read_text("utf-8").split("\n")[:-1]:
        case = json.loads(line)
        wanted = {name: case[name] for name in TOLD if name in case}
        assert outcome(case["expr"], environments[case["env"]]) == wanted, case["expr"]
        ended[wanted["outcome"]] += 1
    return ended


def test_all_shared_cases_end_as_in_the_engine() -> None:
    ended = agreed_ends(FIXTURES / "conformance")
    assert ended == {"value": 440, "compile_error": 372, "runtime_error": 281, "unserialisable": 2}
    assert ended.total() == 1095


def test_all_recorded_cases_end_as_in_the_engine() -> None:
    """What ``python -m tests.integration.expressions.recorded`` wrote down."""
    assert agreed_ends(FIXTURES / "engine").keys() == {
        "value",
        "compile_error",
        "runtime_error",
        "unserialisable",
    }
