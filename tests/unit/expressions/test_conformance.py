"""The engine's own answers to the shared cases."""

import json
from collections import Counter
from pathlib import Path

from pullsecret.expressions.outcome import outcome

FIXTURES = Path(__file__).parents[2] / "fixtures" / "conformance"
TOLD = ("outcome", "type", "value")


def test_all_shared_cases_end_as_in_the_engine() -> None:
    environments = json.loads((FIXTURES / "expr-environments.json").read_text())
    cases = [json.loads(line) for line in (FIXTURES / "expr-cases.jsonl").read_text().splitlines()]
    ended: Counter[str] = Counter()
    for case in cases:
        wanted = {name: case[name] for name in TOLD if name in case}
        assert outcome(case["expr"], environments[case["env"]]) == wanted, case["expr"]
        ended[wanted["outcome"]] += 1
    assert len(cases) == 1095
    assert ended == {"value": 440, "compile_error": 372, "runtime_error": 281, "unserialisable": 2}
