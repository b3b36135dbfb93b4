"""Programs and what they may read."""

import itertools
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import pytest

from pullsecret.expressions import CompileError, EvaluationError, compile
from pullsecret.expressions.builtins import BUILTINS


def test_clauses_are_evaluated_one_by_one() -> None:
    program = compile(
        'provider == "gcp" && (spec.nodes > 1 || spec.ready) && tags[0] startsWith "a" && nope.x == 1'
    )
    environment = {"provider": "aws", "spec": {"nodes": 3}, "tags": ["b"]}
    clauses = program.clauses(environment)
    assert [(each.source, each.value) for each in clauses] == [
        ('provider == "gcp"', False),
        ("(spec.nodes > 1 || spec.ready)", True),
        ('tags[0] startsWith "a"', False),
        ("nope.x == 1", None),
    ]
    assert [each.operands for each in clauses] == [
        {"provider": "aws"},
        {"spec.nodes": 3, "spec.ready": None},
        {"tags[0]": "b"},
        {"nope.x": None},
    ]
    assert [each.error is None for each in clauses] == [True, True, True, False]
    error = clauses[3].error
    assert error is not None
    assert error.message == "nope.x: cannot fetch x from nil"


def test_an_expression_without_and_is_one_clause() -> None:
    (clause,) = compile("a || b").clauses({"a": False, "b": True})
    assert (clause.source, clause.value) == ("a || b", True)


def test_operands_are_what_is_read_of_the_environment() -> None:
    expression = "let x = a.b; [x, c?.d, len(e['f']), any(list, .g == h), day.Year()]"
    (clause,) = compile(expression).clauses({"a": {"b": 1}, "c": {"d": 2}, "list": [], "h": 3})
    assert clause.operands == {"a.b": 1, "c?.d": 2, "e['f']": None, "list": [], "h": 3, "day": None}


@pytest.mark.parametrize("operation", ["and", "&&"])
def test_a_clause_is_anything_that_is_joined(operation: str) -> None:
    clauses = compile(f"a < b < c {operation} d").clauses({"a": 1, "b": 2, "c": 2, "d": True})
    assert [(each.source, each.value) for each in clauses] == [("a < b", True), ("b < c", False), ("d", True)]


class Foreign:
    secret = "x"

    def __len__(self) -> int:
        raise AssertionError("was called")


@pytest.mark.parametrize(
    "expression", ["x", "x.secret", "x == 1", "len(x)", "[x]", "x()", "y.z", "y", "$env"]
)
def test_objects_of_python_are_out_of_reach(expression: str) -> None:
    with pytest.raises(EvaluationError):
        compile(expression).evaluate({"x": Foreign(), "y": {"z": Foreign()}})


@pytest.mark.parametrize("name", ["__class__", "__len__", "upper", "real", "keys"])
@pytest.mark.parametrize("value", ["text", 1, True, [1], 1.5])
def test_attributes_of_python_are_out_of_reach(name: str, value: Any) -> None:
    with pytest.raises(EvaluationError):
        compile(f"x.{name}").evaluate({"x": value})
    assert compile(f"x.{name}").evaluate({"x": {}}) is None


@pytest.mark.parametrize("name", ["len", "print", "__builtins__", "self", "frame", "None"])
def test_names_of_python_are_nil(name: str) -> None:
    assert compile(f"{name} == nil").evaluate({}) is True


class Text(str):
    __slots__ = ()


class Ratio(float):
    __slots__ = ()


class Count(IntEnum):
    THREE = 3


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (3, 3.0),
        (True, True),
        (Text("a"), "a"),
        (Ratio(0.5), 0.5),
        (Count.THREE, 3.0),
        ((1, "a"), [1.0, "a"]),
        (MappingProxyType({"a": (1,)}), {"a": [1.0]}),
        ({"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_an_environment_is_read_as_json(given: Any, seen: Any) -> None:
    for expression in ("x", "[x][0]", "y.x"):
        found = compile(expression).evaluate({"x": given, "y": {"x": given}})
        assert (type(found), found) == (type(seen), seen)


def test_the_environment_may_be_any_mapping() -> None:
    environment: Mapping[str, Any] = MappingProxyType({"a": MappingProxyType({"b": "c"})})
    assert compile("a.b == 'c' && $env.a.b == a['b']").evaluate(environment) is True


@pytest.mark.parametrize("value", [{1: 2}, {"a": {None: 1}}, 10**400, [10**400], {"a": b"x"}, {"a": {1, 2}}])
def test_what_no_json_document_holds_is_an_error(value: Any) -> None:
    with pytest.raises(EvaluationError):
        compile("x").evaluate({"x": value})


def test_an_environment_that_contains_itself_is_an_error() -> None:
    environment: dict[str, Any] = {}
    environment["x"] = environment
    assert compile("x.x.x.x != nil && true").evaluate({"x": {"x": {"x": {"x": 1}}}}) is True
    with pytest.raises(EvaluationError):
        compile("x").evaluate(environment)


def test_an_environment_is_not_changed() -> None:
    environment = {"x": [3, 1, 2], "y": {"a": [1]}}
    compile("[sort(x), reverse(x), map(x, # + 1), y.a, groupBy(x, #)]").evaluate(environment)
    assert environment == {"x": [3, 1, 2], "y": {"a": [1]}}


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["array", "map"])
def test_an_environment_may_be_so_deep_and_no_deeper(wrap: Callable[[Any], Any]) -> None:
    deepest: Any = 1
    for _ in range(100):
        deepest = wrap(deepest)
    assert compile("len(x)").evaluate({"x": deepest}) == 1
    with pytest.raises(EvaluationError, match="x: nested more than 100 levels deep"):
        compile("len(x)").evaluate({"x": wrap(deepest)})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Foreign(), "x: not a value that an expression may read: Foreign"),
        ({1: 2}, "x: a key of a map must be a string, not int"),
        (10**400, "x: integer of the environment is out of range"),
    ],
)
def test_what_an_environment_may_not_hold_is_named(value: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        compile("x").evaluate({"x": value})
    assert raised.value.message == message


ARGUMENTS = ("1", "nothing", "text", "[text]", "{a: 1}", "date('2023-01-01')", "timezone('UTC')")


@pytest.mark.parametrize("name", sorted(BUILTINS))
def test_a_builtin_that_the_checker_does_not_see_takes_any_arguments_or_refuses_them(name: str) -> None:
    """The checker looks at no argument of what it does not know."""
    for argument, count in itertools.product(ARGUMENTS, range(6)):
        called = f"unknown({name}({', '.join([argument] * count)}))"
        with pytest.raises((CompileError, EvaluationError)):
            compile(called).evaluate({"text": "a"})
