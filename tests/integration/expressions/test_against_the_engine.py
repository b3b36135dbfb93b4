"""Every expression means what it means to the real engine: outcome, type and value."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.expressions.cases import SHARED, Case, environments, read
from tests.integration.expressions.mutated_cases import mutated_cases
from tests.integration.expressions.oracle import Answer, Oracle, answer_of, built_oracle
from tests.integration.expressions.random_cases import random_cases
from tests.integration.expressions.random_texts import random_text_cases
from tests.integration.expressions.recorded import RECORDED, chosen_cases, recorded
from tests.integration.expressions.systematic_cases import TOPICS, systematic_cases
from tests.integration.expressions.typed_cases import typed_cases
from tests.integration.expressions.written_cases import written_cases

SEED = 20251114
SYSTEMATIC = 600
"""Of each topic; there are hundreds of thousands."""
RANDOM = 1500

COMMAND = Path(sys.executable).with_name("pullsecret")


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return built_oracle()


def ours(cases: Sequence[Case], directory: Path) -> list[Answer]:
    """Our answers, through the command line."""
    file = directory / "environments.json"
    file.write_text(json.dumps(environments()))
    told = subprocess.run(
        [COMMAND, "expr", "--environments", file],
        input="".join(case.line() for case in cases),
        capture_output=True,
        encoding="utf-8",
        timeout=540,
        check=True,
    )
    return [answer_of(line) for line in told.stdout.splitlines()]


def assert_agreement(cases: Sequence[Case], oracle: Oracle, directory: Path) -> None:
    engine = oracle.answers(cases, environments(), directory)
    compared = list(zip(cases, engine, ours(cases, directory), strict=True))
    stable = [each for each in compared if not each[1].unstable]
    assert len(stable) > 0.9 * len(cases)
    wrong = [f"{case.expr!r} in {case.env}: {hers}, not {own}" for case, hers, own in stable if hers != own]
    assert not wrong, f"{len(wrong)} of {len(stable)}:\n" + "\n".join(wrong[:40])


@pytest.mark.service
def test_the_engine_gives_the_shared_results(oracle: Oracle, tmp_path: Path) -> None:
    """The oracle is configured as the engine was when the shared cases were made."""
    lines = (SHARED / "expr-cases.jsonl").read_text().splitlines()
    cases = list(read(SHARED / "expr-cases.jsonl"))
    assert oracle.answers(cases, environments(), tmp_path) == [answer_of(line) for line in lines]


@pytest.mark.service
def test_written_cases(oracle: Oracle, tmp_path: Path) -> None:
    assert_agreement(written_cases(), oracle, tmp_path)


@pytest.mark.service
def test_operators_and_builtins_on_values_of_every_kind(oracle: Oracle, tmp_path: Path) -> None:
    chooser = random.Random(SEED)
    cases: list[Case] = []
    for topic in TOPICS:
        known = systematic_cases(topic)
        cases += chooser.sample(known, min(SYSTEMATIC, len(known)))
    assert_agreement(cases, oracle, tmp_path)


@pytest.mark.service
def test_random_expressions(oracle: Oracle, tmp_path: Path) -> None:
    assert_agreement(random_cases(SEED, RANDOM), oracle, tmp_path)


@pytest.mark.service
def test_texts_times_and_numbers(oracle: Oracle, tmp_path: Path) -> None:
    assert_agreement(random_text_cases(SEED, RANDOM), oracle, tmp_path)


@pytest.mark.service
def test_expressions_whose_parts_fit(oracle: Oracle, tmp_path: Path) -> None:
    assert_agreement(typed_cases(SEED, RANDOM), oracle, tmp_path)


@pytest.mark.service
def test_slips_of_the_pen(oracle: Oracle, tmp_path: Path) -> None:
    originals = [*read(SHARED / "expr-cases.jsonl"), *typed_cases(SEED, RANDOM)]
    assert_agreement(mutated_cases(SEED, RANDOM, originals), oracle, tmp_path)


@pytest.mark.service
def test_the_recorded_results_are_still_the_engines(oracle: Oracle, tmp_path: Path) -> None:
    assert recorded(oracle, chosen_cases(), tmp_path) == (RECORDED / "expr-cases.jsonl").read_text("utf-8")
