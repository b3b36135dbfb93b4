"""Records the engine's answers to a choice of cases, so that they are held without a Go toolchain too.

``python -m tests.integration.expressions.recorded`` writes ``tests/fixtures/engine/``: some cases of every
written and of every systematic topic, and all of ``written/noticing.txt``: each of these notices a small
change of our code.
"""

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.integration.expressions.cases import WRITTEN, Case, environments
from tests.integration.expressions.oracle import Oracle, built_oracle
from tests.integration.expressions.systematic_cases import TOPICS, systematic_cases
from tests.integration.expressions.written_cases import written_topics

RECORDED = Path(__file__).parents[2] / "fixtures" / "engine"
SEED = 20261126
OF_A_WRITTEN_TOPIC = 110
OF_A_SYSTEMATIC_TOPIC = 20


def chosen_cases() -> list[Case]:
    """The same at every call."""
    chooser = random.Random(SEED)
    chosen = [Case("wide", line) for line in (WRITTEN / "noticing.txt").read_text("utf-8").split("\n")[:-1]]
    for expressions in written_topics().values():
        known = list(dict.fromkeys(expressions))
        picked = chooser.sample(known, min(OF_A_WRITTEN_TOPIC, len(known)))
        chosen += [Case("wide", expression) for expression in picked]
    for topic in TOPICS:
        known_cases = systematic_cases(topic)
        chosen += chooser.sample(known_cases, min(OF_A_SYSTEMATIC_TOPIC, len(known_cases)))
    return list(dict.fromkeys(chosen))


def recorded(oracle: Oracle, cases: Sequence[Case], folder: Path) -> str:
    """The engine's answers, one a line; without those that it does not always give."""
    answers = zip(cases, oracle.answers(cases, environments(), folder), strict=True)
    lines = [
        {"env": case.env, "expr": case.expr, "outcome": answer.outcome}
        | ({"type": answer.type, "value": answer.value} if answer.outcome == "value" else {})
        for case, answer in answers
        if not answer.unstable
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def main() -> None:
    """Write both files."""
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        answers = recorded(built_oracle(), chosen_cases(), Path(folder))
    (RECORDED / "expr-cases.jsonl").write_text(answers, "utf-8")
    (RECORDED / "expr-environments.json").write_text(
        json.dumps(environments(), indent=1, ensure_ascii=False) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
