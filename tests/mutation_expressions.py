"""Mutation score of the expressions: ``make mutation-expressions``.

mutmut makes the mutants. There are ten thousand, so each is shown to the cheapest witness first: to those of
the engine's cases (shared and recorded) that reach the changed function, and, if they end as ever, to those
unit tests that reach it. ``--sample N`` takes N mutants at random, from every module its share. Those that
nobody noticed are printed. Fuzzing and the tests of hostile input are no witnesses here: they take seconds.
An interrupted run goes on where it stopped unless anything that it depends on was changed.
"""

import difflib
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from benchmarks.results import add_option, write_result
from hypothesis import settings
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from tests.mutation_journal import Journal, digest

ROOT = Path(__file__).parents[1]
CASES = [ROOT / "tests" / "fixtures" / folder for folder in ("conformance", "engine")]
PACKAGE = "pullsecret.expressions"
TESTS = [
    "tests/unit/expressions",
    "--ignore=tests/unit/expressions/test_fuzz.py",
    "--ignore=tests/unit/expressions/test_conformance.py",
    "-k=not hostile",
]
SILENT = ["-qqq", "--no-summary", "--disable-warnings"]
PYTEST = ["-x", *SILENT, "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"]
EXAMPLES = 10
CPU_SECONDS = 60
MEMORY = 4 << 30
JOURNALS = ROOT / "build" / "mutation-expressions"
DEPENDENCIES = [
    ROOT / "src" / PACKAGE.replace(".", "/"),
    ROOT / "tests" / "unit" / "expressions",
    *CASES,
    Path(__file__),
    ROOT / "pyproject.toml",
    ROOT / "uv.lock",
]
"""What makes a mutant noticed or not."""
FORKED = multiprocessing.get_context("fork")


@attrs.frozen
class Mutant:
    """One small change of one function."""

    name: str
    module: str
    function: str
    difference: str


@attrs.frozen
class Case:
    """What the engine makes of an expression."""

    expression: str
    environment: Mapping[str, Any]
    end: Mapping[str, Any]

    def agrees(self) -> bool:
        """Whether ours makes the same of it."""
        try:
            from pullsecret.expressions.outcome import outcome

            return outcome(self.expression, self.environment) == self.end
        except Exception:
            return False


def engine_cases() -> list[Case]:
    """All of them; each reads an environment of its own folder."""
    cases = []
    for folder in CASES:
        environments = json.loads((folder / "expr-environments.json").read_text("utf-8"))
        for line in (folder / "expr-cases.jsonl").read_text("utf-8").split("\n")[:-1]:
            read = json.loads(line)
            end = {name: read[name] for name in ("outcome", "type", "value") if name in read}
            cases.append(Case(read["expr"], environments[read["env"]], end))
    return cases


@attrs.frozen
class Witnesses:
    """Who reaches each function: cases, and tests by their id, cheapest first."""

    cases: Mapping[str, Sequence[Case]]
    tests: Mapping[str, Sequence[str]]
    importing: frozenset[str] = frozenset()
    """What importing the package calls."""


def mutants_of(folder: Path) -> Iterator[Mutant]:
    """Let the package in ``folder``, a copy of ``src``, hold all its mutants."""
    for path in sorted((folder / PACKAGE.replace(".", "/")).rglob("*.py")):
        mutated = mutate_file_contents(str(path), path.read_text())
        path.write_text(mutated.code)
        lines = mutated.code.splitlines()
        module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        spans = mutated.line_span_by_function_name
        texts = {name: lines[span.start - 1 : span.end] for name, span in spans.items()}
        for name in mutated.mutant_names:
            function = name.partition("__mutmut_")[0]
            changes = difflib.unified_diff(texts[f"{function}__mutmut_orig"], texts[name], lineterm="", n=1)
            difference = "\n".join(line for line in list(changes)[3:] if "__mutmut_" not in line)
            yield Mutant(f"{module}.{name}", module, f"{module}.{function}", difference)


def sample(mutants: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """About ``size`` mutants: from every module its share, at least one."""
    by_module: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_module[mutant.module].append(mutant)
    total = sum(len(each) for each in by_module.values())
    pick = random.Random(seed)
    return [
        mutant
        for each in by_module.values()
        for mutant in pick.sample(each, min(len(each), max(1, round(size * len(each) / total))))
    ]


class Few:
    """Property tests try few examples, always the same."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        settings.register_profile(
            "mutation", deadline=None, derandomize=True, max_examples=EXAMPLES, database=None
        )
        settings.load_profile("mutation")


class Reached(Few):
    """Notes which functions each test reaches, and how long it takes."""

    def __init__(self) -> None:
        self.functions: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_setup(self) -> None:
        state()._stats.clear()

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        self.functions[item.nodeid] = set(state()._stats)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


def run_tests(arguments: Sequence[str], plugin: Few) -> int:
    """pytest, silently; its exit code."""
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    return int(pytest.main([*PYTEST, *arguments], plugins=[plugin]))


def witnesses(cases: Sequence[Case]) -> Witnesses:
    """Run every witness of the code as it is. Raises if one is not content with it."""
    set_mutant_under_test("stats")
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        state()._stats.clear()
        if not case.agrees():
            raise RuntimeError(f"without any mutant this is not as in the engine: {case.expression}")
        for function in state()._stats:
            found[function].append(case)
    reached = Reached()
    if run_tests(TESTS, reached):
        raise RuntimeError("the tests fail without any mutant")
    tests: dict[str, list[str]] = defaultdict(list)
    for test in sorted(reached.functions, key=lambda each: reached.seconds[each]):
        for function in reached.functions[test]:
            tests[function].append(test)
    return Witnesses(dict(found), dict(tests))


def examine(mutant: Mutant, known: Witnesses) -> None:
    """In a process of its own: exits 0 if nobody notices the mutant."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    set_mutant_under_test(mutant.name)
    cases, tests = known.cases.get(mutant.function, ()), known.tests.get(mutant.function, ())
    if mutant.function in known.importing:  # What importing did without the mutant is done again with it.
        for name in [each for each in sys.modules if each.startswith((PACKAGE, "tests.unit.expressions"))]:
            del sys.modules[name]
        cases, tests = engine_cases(), TESTS
    if not all(case.agrees() for case in cases):
        os._exit(1)
    os._exit(run_tests(tests, Few()) if tests else 0)


def is_noticed(mutant: Mutant, known: Witnesses) -> bool:
    """Whether a witness says that something changed; one that never ends is noticed too."""
    process = FORKED.Process(target=examine, args=(mutant, known))
    sys.stdout.flush()
    process.start()
    process.join()
    return process.exitcode != 0


def reached_by_importing() -> frozenset[str]:
    """Import the package and its tests, once for all mutants; the functions that this called."""
    state()._stats.clear()
    if pytest.main(["--collect-only", *PYTEST, *TESTS], plugins=[Few()]):
        raise RuntimeError("the tests cannot be imported")
    return frozenset(state()._stats)


def told(mutant: Mutant, noticed: bool) -> bool:
    """Print a mutant that nobody noticed."""
    if not noticed:
        sys.stdout.write(f"# {mutant.name}\n{mutant.difference}\n")
    return noticed


def by_module(taken: Sequence[Mutant], survivors: Sequence[Mutant]) -> list[dict[str, Any]]:
    """A row for each module."""
    examined = Counter(each.module.removeprefix(f"{PACKAGE}.") for each in taken)
    survived = Counter(each.module.removeprefix(f"{PACKAGE}.") for each in survivors)
    return [
        {"module": module, "examined": count, "survived": survived[module]}
        for module, count in sorted(examined.items())
    ]


def main() -> int:
    """0 if at least the wanted share was noticed."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, chosen at random")
    parser.add_argument("--seed", type=int, default=1, help="of the choice")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="only mutants with a TEXT in their name")
    parser.add_argument("--at-least", type=float, default=0.0, help="percent that must be noticed")
    add_option(parser)
    options = parser.parse_args()
    os.chdir(ROOT)
    asked = (options.sample, options.seed, options.only)
    journal = Journal(JOURNALS / f"{digest(asked, DEPENDENCIES)}.jsonl")
    if journal:
        sys.stdout.write(f"{len(journal)} mutants were examined before the run was interrupted\n")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src", folder, dirs_exist_ok=True)
        made = list(mutants_of(Path(folder)))
        sys.path.insert(0, folder)
        set_mutant_under_test("stats")
        importing = reached_by_importing()
        with FORKED.Pool(1) as pool:  # The caches that the witnesses fill must be empty for a mutant.
            known = attrs.evolve(pool.apply(witnesses, [engine_cases()]), importing=importing)
        taken = [each for each in made if any(text in each.name for text in options.only or [""])]
        if options.sample:
            taken = sample(taken, options.sample, options.seed)
        survivors = [
            each
            for each in taken
            if not told(each, journal.answer(each.name, partial(is_noticed, each, known)))
        ]
    journal.close()
    noticed = len(taken) - len(survivors)
    score = 100 * noticed / len(taken)
    sys.stdout.write(f"{noticed} of {len(taken)} mutants noticed: {score:.1f} %\n")
    if options.json:
        figures = {
            "mutants": len(made),
            "examined": len(taken),
            "noticed": noticed,
            "noticed percent": round(score, 1),
            "modules": by_module(taken, survivors),
        }
        write_result(options.json, "Mutation score of the expressions (`make mutation-expressions`)", figures)
    return 0 if score >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
