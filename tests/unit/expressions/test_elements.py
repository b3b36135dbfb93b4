"""Where ``#`` may stand, and what may follow it."""

import pytest

from pullsecret.expressions import CompileError, EvaluationError, compile


@pytest.mark.parametrize(
    "expression",
    [
        "#",
        ".name",
        "mp(users, .name)",
        "foo(#)",
        "text.foo(#)",
        "[#]",
        "{a: #}",
        "map(#, 1)",
        "map([1], #) + #",
    ],
)
def test_an_element_outside_of_a_predicate_is_refused(expression: str) -> None:
    with pytest.raises(CompileError, match="inside of a predicate"):
        compile(expression)


@pytest.mark.parametrize(
    "expression", ["map([1], #in)", "map([1], #and)", "map([1], #true)", "map([1], #1)", "map([1], #x)"]
)
def test_a_word_right_after_it_is_its_name(expression: str) -> None:
    with pytest.raises(CompileError, match="unknown pointer"):
        compile(expression)


def test_inside_of_a_predicate_it_may_be_an_argument_of_anything() -> None:
    with pytest.raises(EvaluationError, match="cannot call nil"):
        compile("map([1], foo(#))").evaluate({})
    assert compile("map([[1], [2]], map(#, # in [1]))").evaluate({}) == [[True], [False]]


@pytest.mark.parametrize(
    "expression", ["sum([1],)", "count([true],)", "reduce([1], #acc,)", "sortBy([1], #,)", "sum(,)", "now(,)"]
)
def test_a_comma_before_an_optional_argument_asks_for_it(expression: str) -> None:
    with pytest.raises(CompileError):
        compile(expression)


@pytest.mark.parametrize(
    "expression", ["len([1],)", "map([1], #,)", "sum([1], #,)", "reduce([1], #acc, 0,)", "[1] | sum(#,)"]
)
def test_a_comma_after_all_arguments_is_allowed(expression: str) -> None:
    compile(expression).evaluate({})
