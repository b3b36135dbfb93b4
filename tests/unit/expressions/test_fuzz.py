"""Whatever is written: a value, or one of the two errors. Nothing else, and not for long.

``make fuzz-expressions`` does the same for a minute.
"""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.expressions.grammar_strategies import ENVIRONMENT, EXPRESSIONS, JSON, MANGLED, NAMES, RAW

from pullsecret.expressions import CompileError, EvaluationError, ExpressionError, Program, compile
from pullsecret.expressions.outcome import outcome

EXAMPLES = int(os.environ.get("PULLSECRET_FUZZ_EXAMPLES", "100"))
OUTCOMES = {"value", "compile_error", "runtime_error", "unserialisable"}


def ends(expression: str, environment: dict[str, Any]) -> str:
    """How it ends. An error has a place in the expression, and names it."""
    program, error = _compiled(expression)
    if program is not None:
        error = _error_of(program, environment)
        assert len(program.clauses(environment)) >= 1
    if error is not None:
        assert error.message
        assert 0 <= error.start <= error.end <= len(expression)
        assert error.snippet()
    end = str(outcome(expression, environment)["outcome"])
    assert end in OUTCOMES
    return end


def _compiled(expression: str) -> tuple[Program | None, ExpressionError | None]:
    try:
        return compile(expression), None
    except CompileError as error:
        return None, error


def _error_of(program: Program, environment: dict[str, Any]) -> ExpressionError | None:
    try:
        program.evaluate(environment)
    except EvaluationError as error:
        return error
    return None


@settings(max_examples=EXAMPLES)
@given(EXPRESSIONS)
def test_expressions_of_the_grammar(expression: str) -> None:
    ends(expression, ENVIRONMENT)


@settings(max_examples=EXAMPLES)
@given(MANGLED)
def test_almost_expressions(expression: str) -> None:
    ends(expression, ENVIRONMENT)


@settings(max_examples=EXAMPLES)
@given(RAW)
def test_anything(expression: str) -> None:
    ends(expression, ENVIRONMENT)


@settings(max_examples=EXAMPLES)
@given(EXPRESSIONS, st.dictionaries(st.sampled_from(NAMES), JSON))
def test_any_environment(expression: str, environment: dict[str, Any]) -> None:
    ends(expression, environment)


@settings(max_examples=EXAMPLES)
@given(EXPRESSIONS)
def test_an_expression_ends_the_same_way_twice(expression: str) -> None:
    assert outcome(expression, ENVIRONMENT) == outcome(expression, ENVIRONMENT)


LONG = 1000


@pytest.mark.parametrize(
    "expression",
    [
        "(" * LONG + "1" + ")" * LONG,
        "(" * LONG,
        "[" * LONG + "]" * LONG,
        "{a:" * LONG + "1" + "}" * LONG,
        "!" * LONG + "true",
        "-" * LONG + "1",
        "x" + ".a" * LONG,
        "x" + "?.a" * LONG,
        "x" + "[0]" * LONG,
        "len(" * LONG + "x" + ")" * LONG,
        "x" + " | len()" * LONG,
        "map(x, " * LONG + "#" + ")" * LONG,
        "".join(f"let a{each} = 1; " for each in range(LONG)) + "1",
        "if x {1} else " * LONG + "{2}",
        "x ? 1 : " * LONG + "2",
        "x ?: " * LONG + "2",
        "**".join(["2"] * LONG),
        " ?? ".join(["x"] * LONG),
        " && ".join(["true"] * LONG),
        " && ".join(["x == 1"] * LONG),
        " || x && ".join(["x"] * LONG),
        " < ".join(["x"] * LONG),
        "+".join(["1"] * LONG),
        "+".join(["x"] * LONG),
        "1;" * LONG,
        "[" + "1," * 11_000 + "]",
        "a " * 200_000,
        '"' + "a" * 200_000 + '"',
        "`" * 20_001,
        "/*" * 20_001,
    ],
    ids=lambda expression: expression[:12],
)
def test_size_and_depth_are_bounded(expression: str) -> None:
    ends(expression, {"x": True})


def test_a_long_chain_of_clauses_is_no_depth() -> None:
    assert compile(" && ".join(["x != 1"] * 1000)).evaluate({"x": 2}) is True


def test_more_nodes_than_the_engine_takes() -> None:
    compile("[" + "x," * 9_998 + "]")
    with pytest.raises(CompileError, match="10000 nodes"):
        compile("[" + "x," * 10_000 + "]")


@pytest.mark.parametrize(
    "expression",
    [
        "1..10000000",
        "map(1..600000, #)",
        'repeat("ab", 600000)',
        'repeat(repeat("a", 1000), 999999)',
        'let a = repeat("a", 900000); replace(a, "a", a)',
        'let a = repeat("a", 900000); join(map(1..90000, a))',
        'reduce(1..60, #acc + #acc, repeat("a", 900000))',
        "let r = 1..900; count(r, count(r, count(r, true) == 900) == 900)",
        "let a = reduce(1..40, [#acc, #acc], [1]); string(a)",
        "let a = reduce(1..40, [#acc, #acc], []); flatten(a)",
        "let a = reduce(1..40, [#acc, #acc], []); max(a)",
        "let a = reduce(1..40, [#acc, #acc], [1]); a == reduce(1..40, [#acc, #acc], [1])",
        "let a = reduce(1..40, [#acc, #acc], [1]); a in [reduce(1..40, [#acc, #acc], [1])]",
        "let a = reduce(1..40, {{a: #acc, b: #acc}}, 1); a == reduce(1..40, {{a: #acc, b: #acc}}, 1)",
        "let a = reduce(1..90000, [#acc]); a == reduce(1..90000, [#acc])",
        'let s = repeat("é", 400000); count(1..90000, s[1:] == "")',
        'let s = repeat("a", 900000); count(1..90000, upper(s) == "")',
        "let r = map(1..400000, #); count(1..90000, r[1:] == r)",
        'text matches "((((a{30}){30}){30}){30})"',
        'fromJSON(repeat("[", 100000))',
    ],
)
def test_memory_and_work_are_bounded(expression: str) -> None:
    with pytest.raises((EvaluationError, CompileError)):
        compile(expression).evaluate({"text": "a"})


def test_a_hostile_pattern_takes_linear_time() -> None:
    text = "a" * 50_000 + "b"
    assert compile('text matches "^(a+)+$"').evaluate({"text": text}) is False
    assert compile('text matches "(a|aa)+$"').evaluate({"text": text}) is False
