"""What operators, builtins and optimisations do. Every answer is the engine's (v1.17.8)."""

import math
from typing import Any

import pytest

from pullsecret.expressions import CompileError, EvaluationError, compile
from pullsecret.expressions.outcome import outcome

ENVIRONMENT: dict[str, Any] = {
    "text": "héllo",
    "number": 3,
    "ratio": 0.5,
    "yes": True,
    "nothing": None,
    "tags": ["b", "a", "c"],
    "users": [{"name": "Ann", "age": 31}, {"name": "Bob", "age": 25}],
    "spec": {"provider": "gcp", "deep": {"er": 1}},
}


def ended(expression: str) -> tuple[str, Any]:
    """Type and value; or how else it ended, and nothing."""
    end = outcome(expression, ENVIRONMENT)
    return (end["type"], end["value"]) if end["outcome"] == "value" else (end["outcome"], None)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # An environment is a JSON document: its numbers are floats.
        ("number", ("float64", 3)),
        ("type(number)", ("string", "float")),
        ("number % 2", ("runtime_error", None)),
        ("tags[number - 3]", ("string", "b")),
        # Integers and floats.
        ("7 / 2", ("float64", 3.5)),
        ("-7 % 3", ("int", -1)),
        ("7 % -3", ("int", 1)),
        ("1 % 0", ("compile_error", None)),
        ("len(tags) % (len(tags) - 3)", ("runtime_error", None)),
        ("1 / 0", ("unserialisable", None)),
        ("9223372036854775807 + 1", ("int", -9223372036854775808)),
        ("len(tags) * 9223372036854775807", ("int", 9223372036854775805)),
        ("1.5 ** 1.5", ("float64", 1.8371173070873836)),
        ("2 ** 0.5", ("float64", 1.4142135623730951)),
        ("1 == 1.0", ("bool", True)),
        ("9007199254740993 == 9007199254740992.0", ("bool", True)),
        # Bools are no numbers.
        ("true == 1", ("compile_error", None)),
        ("yes == 1", ("bool", False)),
        ("yes + 1", ("runtime_error", None)),
        ("[true, 1] | uniq()", ("[]interface {}", [True, 1])),
        # Strings: runes for len, bytes for the rest.
        ("len(text)", ("int", 5)),
        ("text[1]", ("uint8", 195)),
        ("text[:1] + text[1:2] + text[2:]", ("string", "héllo")),
        ("text[:2]", ("string", "h�")),
        ("type(text[0])", ("string", "uint")),
        ("text[0] + 1", ("int", 105)),
        ("-text[0]", ("uint8", 152)),
        ('"abc"[0]', ("compile_error", None)),
        ("text[9]", ("runtime_error", None)),
        ('text < "i"', ("bool", True)),
        ("text contains text[1:2]", ("bool", True)),
        # Nil.
        ("nothing == nil", ("bool", True)),
        ("missing.x", ("runtime_error", None)),
        ("missing?.x.y.z", ("<nil>", None)),
        ("(missing?.x).y", ("<nil>", None)),
        ("missing?.x[0]", ("runtime_error", None)),
        ("nil.x", ("compile_error", None)),
        ("nothing contains 'a'", ("bool", False)),
        ("nothing and yes", ("runtime_error", None)),
        ("nothing and true", ("<nil>", None)),
        ("concat([], []) == nil", ("bool", True)),
        ("concat([], [])", ("[]interface {}", None)),
        # Equality.
        ("[1, 2.0] == [1.0, 2]", ("bool", True)),
        ("1..3 == [1, 2, 3]", ("bool", True)),
        ("{a: 1} == {a: 1.0}", ("bool", False)),
        ("spec.deep == {er: 1.0}", ("bool", True)),
        ("tags == 1", ("bool", False)),
        # Membership.
        ("3 in [1, 2, 3]", ("bool", True)),
        ("number in [1, 2, 3]", ("bool", True)),
        ("number in ['a', 'b']", ("runtime_error", None)),
        ("nothing in ['', 'b']", ("bool", True)),
        ("'provider' in spec", ("bool", True)),
        ("number in spec", ("runtime_error", None)),
        ("'a' in text", ("runtime_error", None)),
        ("'a' in nothing", ("bool", False)),
        # What is not reached is no error, and what is folded away is not either.
        ("true or missing.x", ("bool", True)),
        ("missing.x and false", ("bool", False)),
        ("true and spec", ("map[string]interface {}", {"provider": "gcp", "deep": {"er": 1}})),
        ("false or number", ("float64", 3)),
        # The checker does not look at the arguments of what it does not know.
        ("unknown(1 + 'a')", ("runtime_error", None)),
        ("tags[1 + 'a':]", ("runtime_error", None)),
        # Types that the checker is sure of are looked at strictly.
        ("find([1, 2], # > 5) == 1", ("runtime_error", None)),
        ("find([1, 2], # > 5) == nil", ("bool", True)),
        ("max(1, 2.5) == 2", ("runtime_error", None)),
        # Regular expressions.
        ("text matches '^h.llo$'", ("bool", True)),
        ("text matches '('", ("compile_error", None)),
        ("text matches tags[0] + '('", ("runtime_error", None)),
        ("text matches ('(' + '')", ("compile_error", None)),
        (r"text matches '\\C'", ("compile_error", None)),
        (r"text matches '(?=a)'", ("compile_error", None)),
        ("b'abc' matches 'b'", ("bool", True)),
        (f"text matches '{'(' * 999 + ')' * 999}'", ("bool", True)),
        (f"text matches '{'(' * 1000 + ')' * 1000}'", ("compile_error", None)),
        (r"text matches `[(]\(\Q(\E` || true", ("bool", True)),
        ("text matches '(?P<é>a)'", ("compile_error", None)),
    ],
)
def test_operators(expression: str, expected: tuple[str, Any]) -> None:
    assert ended(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1..3", ("[]int", [1, 2, 3])),
        ("3..1", ("[]int", [])),
        ("(1..5)[1:-1]", ("[]int", [2, 3, 4])),
        ("[1, 2, 3][-1]", ("int", 3)),
        ("tags[5:9]", ("[]interface {}", [])),
        ("map(users, .name)", ("[]interface {}", ["Ann", "Bob"])),
        ("map(tags, # + string(#index))", ("[]interface {}", ["b0", "a1", "c2"])),
        ("filter(users, .age > 30)[0].name", ("string", "Ann")),
        ("filter(users, .age > 99)[0]", ("runtime_error", None)),
        ("first(filter(users, .age > 99))", ("<nil>", None)),
        ("filter(tags, #index > 0)", ("compile_error", None)),
        ("all([], false)", ("bool", True)),
        ("any(tags, # == 'a') and none(tags, # == 'z') and one(tags, # == 'b')", ("bool", True)),
        ("any(spec, true)", ("bool", True)),
        ("any(spec, # == 1)", ("runtime_error", None)),
        ("map(text, #)[0]", ("uint8", 104)),
        ("map('abc', #)", ("compile_error", None)),
        ("count([true, false, true])", ("int", 2)),
        ("count(tags)", ("runtime_error", None)),
        ("sum(users, .age)", ("float64", 56)),
        ("sum([])", ("int", 0)),
        ("sum([text, text])", ("string", "héllohéllo")),
        ("sum(['a', 'b'])", ("runtime_error", None)),
        ("findIndex(tags, # == 'c')", ("int", 2)),
        ("findLast(1..9, # % 2 == 0)", ("int", 8)),
        ("findLastIndex(tags, # == 'z')", ("<nil>", None)),
        ("reduce(1..4, #acc * #)", ("int", 24)),
        ("reduce(tags, #acc + #, '')", ("string", "bac")),
        ("reduce([], #acc)", ("runtime_error", None)),
        ("groupBy(users, .age > 30)[true][0].name", ("string", "Ann")),
        ("groupBy(users, .age).none", ("[]interface {}", None)),
        ("groupBy(users, .age)", ("unserialisable", None)),
        ("len(groupBy([1, 1.0, true, '1'], #))", ("int", 4)),
        ("groupBy([1], tags)", ("runtime_error", None)),
        ("map(sortBy(users, .age), .name)", ("[]interface {}", ["Bob", "Ann"])),
        ("sortBy(tags, #, 'desc')", ("[]interface {}", ["c", "b", "a"])),
        ("sortBy(tags, #, 'down')", ("runtime_error", None)),
        ("sort([3, 1.5, 2])", ("[]interface {}", [1.5, 2, 3])),
        ("sort([1, 'a'])", ("runtime_error", None)),
        ("sort(text)", ("[]interface {}", None)),
        ("sortBy(1..13, # % 2)", ("[]interface {}", [10, 2, 4, 6, 8, 12, 3, 5, 7, 9, 1, 11, 13])),
        ("sortBy(1..12, # % 2)", ("[]interface {}", [2, 4, 6, 8, 10, 12, 1, 3, 5, 7, 9, 11])),
        ("uniq([1, 1.0, 'a', [1], [1.0], nil, nil])", ("[]interface {}", [1, "a", [1], None])),
        ("flatten([1, [2, [3, []]], tags])", ("[]interface {}", [1, 2, 3, "b", "a", "c"])),
        ("concat(1..2, tags)", ("[]interface {}", [1, 2, "b", "a", "c"])),
        ("reverse(1..3)", ("[]interface {}", [3, 2, 1])),
        ("take(1..9, 2)", ("[]int", [1, 2])),
        ("take(tags, 9)", ("[]interface {}", ["b", "a", "c"])),
        ("take(tags, -1)", ("runtime_error", None)),
        ("first(nothing)", ("<nil>", None)),
        ("last(text)", ("uint8", 111)),
        ("get(tags, 9) ?? get(spec, 'provider')", ("string", "gcp")),
        ("get(number, 1)", ("<nil>", None)),
        ("get($env, 'text')", ("string", "héllo")),
        ("$env['text'] + $env.text", ("string", "héllohéllo")),
        ("keys({a: 1})", ("[]interface {}", ["a"])),
        ("toPairs({a: 1})", ("[][2]interface {}", [["a", 1]])),
        ("fromPairs([['a', 1]]).a", ("int", 1)),
        ("fromPairs([[1]])", ("runtime_error", None)),
        ("{(text): 1}[text]", ("int", 1)),
        ("{(number): 1}", ("runtime_error", None)),
        ("type(duration('1h'))", ("string", "time.Duration")),
        ("date('2024-02-29').Month().String()", ("string", "February")),
        ("date('2024-02-29').Nope()", ("compile_error", None)),
        ("[date('2024-02-29'), 1][0].Year()", ("int", 2024)),
        ("[date('2024-02-29'), 1][0].AddDate(1)", ("runtime_error", None)),
        ("date('2024-02-29').Year", ("unserialisable", None)),
        ("let x = tags; map(x, {let y = #; y + y})", ("[]interface {}", ["bb", "aa", "cc"])),
        ("map(1..2, map(1..2, # + 1))", ("[]interface {}", [[2, 3], [2, 3]])),
        ("all(tags, # != 'z') && all(tags, len(#) == 1)", ("bool", True)),
        ("count(tags, # == 'a') > 0", ("bool", True)),
        ("sum(1..100, # * 2)", ("int", 10100)),
        ("len(filter(1..9, # > 3))", ("int", 6)),
    ],
)
def test_arrays_and_maps(expression: str, expected: tuple[str, Any]) -> None:
    assert ended(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "filter(1..9, # > 5 ? true : 1)[3:]",
        "map(filter(1..9, # > 5), # * 2)",
        "sum(map(1..9, # + 0.5))",
        "none(1..3, # == 1) && none(1..3, # == 2)",
        "5 in 1..9 && len(tags) in [1, 2, 3]",
        "count(1..100, # > 3) >= 5 ? 'many' : 'few'",
        "reduce(1..9, # + #acc)",
        "last(filter(1..9, # < 5))",
    ],
)
def test_an_optimised_expression_means_what_it_says(expression: str) -> None:
    """A variable in the way keeps the optimiser from seeing the pattern."""
    hidden = expression.replace("1..", "(len(tags) - 2)..")
    assert ended(expression) == ended(hidden)


def test_an_array_that_is_made_is_another_each_time() -> None:
    program = compile("concat([1], [2])")
    first = program.evaluate({})
    first.append(3)
    assert program.evaluate({}) == [1, 2]


def test_infinities_and_nan_are_values() -> None:
    assert compile("1 / 0").evaluate({}) == math.inf
    assert math.isnan(compile("0 / 0").evaluate({}))


def test_an_evaluation_error_names_the_sub_expression() -> None:
    with pytest.raises(EvaluationError) as raised:
        compile("true && spec.nope.deeper == 1").evaluate(ENVIRONMENT)
    assert raised.value.message == "spec.nope.deeper: cannot fetch deeper from nil"
    assert raised.value.snippet().splitlines()[1] == " " * 8 + "^"


def test_a_compile_error_of_the_checker_points_at_the_operation() -> None:
    with pytest.raises(CompileError) as raised:
        compile("true && (1 + 'a') == 2")
    assert raised.value.snippet().splitlines()[1].index("^") == 8
