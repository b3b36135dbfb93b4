"""How long expressions take, against a plain lambda and against CEL (``cel-python``) in the same process.

``python -m benchmarks.expressions``

Each number is the best of several runs: what the code takes, not what else the machine did. The lambda is
what Python itself needs for the same comparisons on the same dictionaries; a missing name is None to it.
CEL is compiled to Python (``CompiledRunner``), the faster of its two ways.
"""

import argparse
import timeit
from collections.abc import Callable
from typing import Any

import attrs
import celpy
from benchmarks.results import add_option, write_result

from pullsecret.expressions import compile

RUNS = 100
SECONDS = 0.01
"""How long a run takes, about: short, so that some fall between other processes' turns."""

ENVIRONMENT: dict[str, Any] = {
    "clusterId": "cls-abc123",
    "generation": 3,
    "cloudProvider": "gcp",
    "gcpProjectId": "customer-prod-12345",
    "pullSecretData": '{"auths": {}}',
    "validationStatus": "True",
    "dnsStatus": "True",
    "placementStatus": "True",
    "event": {"Type": "cluster.create", "Data": {"provider": "gcp", "clusterId": "cls-abc123"}},
    "adapters": [{"name": name, "available": "True"} for name in ("validation", "dns", "placement")],
}


@attrs.frozen
class Question:
    """The same question in three languages."""

    name: str
    expr: str
    cel: str
    plain: Callable[[dict[str, Any]], object]


SAME = [
    'cloudProvider == "gcp"',
    'validationStatus == "True"',
    'dnsStatus == "True"',
    'placementStatus == "True"',
]
QUESTIONS = (
    Question(
        "precondition",
        " && ".join([*SAME, "gcpProjectId != nil", "pullSecretData != nil"]),
        " && ".join([*SAME, "gcpProjectId != null", "pullSecretData != null"]),
        lambda env: (
            env.get("cloudProvider") == "gcp"
            and env.get("validationStatus") == "True"
            and env.get("dnsStatus") == "True"
            and env.get("placementStatus") == "True"
            and env.get("gcpProjectId") is not None
            and env.get("pullSecretData") is not None
        ),
    ),
    Question(
        "event filter",
        'event.Type in ["cluster.create", "cluster.update"] && event.Data.provider == "gcp"',
        'event.Type in ["cluster.create", "cluster.update"] && event.Data.provider == "gcp"',
        lambda env: (
            env["event"].get("Type") in ("cluster.create", "cluster.update")
            and env["event"]["Data"].get("provider") == "gcp"
        ),
    ),
    Question(
        "predicate",
        'all(adapters, .available == "True")',
        'adapters.all(a, a.available == "True")',
        lambda env: all(adapter.get("available") == "True" for adapter in env["adapters"]),
    ),
)


@attrs.frozen
class Measured:
    """Microseconds for one evaluation, and for compiling the expression."""

    name: str
    evaluate_us: float
    lambda_us: float
    cel_us: float
    compile_us: float
    cel_compile_us: float

    @property
    def times_lambda(self) -> float:
        return self.evaluate_us / self.lambda_us


def microseconds(function: Callable[[], object]) -> float:
    """The best of several runs, for one call."""
    timer = timeit.Timer(function)
    number, taken = timer.autorange()
    number = max(1, int(number * SECONDS / taken))
    return min(timer.repeat(RUNS, number)) / number * 1e6


def measured(question: Question) -> Measured:
    """Checks that all three say the same, and times them."""
    program = compile(question.expr)
    cel_environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    cel_program = cel_environment.program(cel_environment.compile(question.cel))
    activation = celpy.json_to_cel(ENVIRONMENT)
    answers = (
        program.evaluate(ENVIRONMENT),
        question.plain(ENVIRONMENT),
        bool(cel_program.evaluate(activation)),
    )
    if answers != (True, True, True):
        raise SystemExit(f"{question.name}: the languages disagree: {answers}")
    return Measured(
        question.name,
        evaluate_us=microseconds(lambda: program.evaluate(ENVIRONMENT)),
        lambda_us=microseconds(lambda: question.plain(ENVIRONMENT)),
        cel_us=microseconds(lambda: cel_program.evaluate(activation)),
        compile_us=microseconds(lambda: compile(question.expr)),
        cel_compile_us=microseconds(
            lambda: cel_environment.program(cel_environment.compile(question.cel)),
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Times expressions against a plain lambda and against CEL.")
    add_option(parser)
    file = parser.parse_args().json
    results = [measured(question) for question in QUESTIONS]
    if file:
        write_result(file, "Expressions", {"expressions": [attrs.asdict(it) for it in results]})
    print("| microseconds | expression | lambda | times lambda | CEL | compile | compile CEL |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for it in results:
        print(
            f"| {it.name} | {it.evaluate_us:.2f} | {it.lambda_us:.2f} | {it.times_lambda:.1f} "
            f"| {it.cel_us:.0f} | {it.compile_us:.0f} | {it.cel_compile_us:.0f} |"
        )


if __name__ == "__main__":
    main()
