"""What is said of an expression that cannot be compiled or evaluated, and of which part of it."""

from typing import Any

import pytest

from pullsecret.expressions import CompileError, EvaluationError, compile

ENVIRONMENT: dict[str, Any] = {
    "tags": ["b", "a"],
    "nothing": None,
    "text": "héllo",
    "number": 3,
    "spec": {"a": 1},
    "day": "2023-08-14",
}


@pytest.mark.parametrize(
    ("expression", "message", "part"),
    [
        ("$env()", "$env is not callable", "$env()"),
        ("let a = 1; a()", "int is not callable", "a()"),
        ("upper(1)", "cannot use int as argument (type string) of upper", "1"),
        ("date(day).Nope()", "time.Time has no field or method Nope", "date(day).Nope"),
        ('max("a", 1)', "max: invalid argument for max (type string)", 'max("a", 1)'),
        ('abs("a")', "abs: invalid argument for abs (type string)", 'abs("a")'),
        ("flatten(1)", "flatten: cannot flatten int", "flatten(1)"),
        ("concat(1)", "concat: cannot concat int", "concat(1)"),
        ("concat(nil)", "concat: cannot concat nil", "concat(nil)"),
        (
            "concat()",
            "concat: invalid number of arguments (expected at least 1, got 0)",
            "concat()",
        ),
        ("toPairs(1)", "toPairs: cannot transform to pairs int", "toPairs(1)"),
        ("keys(nil)", "keys: cannot get keys from nil", "keys(nil)"),
        ("values(1)", "values: cannot get values from int", "values(1)"),
        ("get(tags)", "get takes 2 arguments, got 1", "get(tags)"),
        ("get({a: 1}, 1)", "cannot use int to get an element from map[string]interface {}", "1"),
        ("sortBy(tags, #, 1)", "the order must be a string, not int", "1"),
        ("let a = 1; let a = 2; a", "cannot redeclare a", "let a = 2; a"),
        ("let len = 1; len", "cannot redeclare len", "let len = 1; len"),
        ('1 + "a"', "+ cannot be applied to int and string", '1 + "a"'),
        ('-"a"', "- cannot be applied to string", '-"a"'),
        ("!1", "! cannot be applied to int", "!1"),
        ('text matches "("', "error parsing regexp: missing ): (", '"("'),
        ("1 % 0", "integer divide by zero", "1 % 0"),
        ("filter(tags, 1)", "the predicate must give a bool, not int", "1"),
        ("all(1, true)", "all takes an array, not int", "1"),
        ("1 ? 2 : 3", "a condition must be a bool, not int", "1"),
        ('"a', "literal not terminated, or an invalid escape in it", '"'),
        ("text @", "unrecognized character: U+0040", "@"),
        ("(1", "unexpected end of expression", ""),
        ("1 2", "unexpected 2", "2"),
        ("# + 1", "# stands for an element only inside of a predicate", "#"),
        ("1 + 0x", "invalid number literal: 0x", "0x"),
        ("1 ?? 2 || 3", "|| and ?? cannot be mixed without parentheses", "||"),
    ],
)
def test_an_expression_that_cannot_be_compiled(expression: str, message: str, part: str) -> None:
    with pytest.raises(CompileError) as raised:
        compile(expression)
    error = raised.value
    assert (error.message, expression[error.start : error.end]) == (message, part)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("tags[9]", "index out of range: 9 (array length is 2)"),
        ("tags[-3]", "index out of range: -3 (array length is 2)"),
        ("nothing[0]", "cannot fetch 0 from nil"),
        ("nothing[1.5]", "cannot fetch 1.5 from nil"),
        ("nothing[true]", "cannot fetch bool from nil"),
        ("spec.a.b", "cannot fetch b from float64"),
        ("number[0]", "cannot fetch 0 from float64"),
        ("spec[1:]", "cannot slice map[string]interface {}"),
        ("tags()", "cannot call []interface {}"),
        ("upper(number)", "interface conversion: interface {} is float64, not string"),
        ('int("x")', "invalid operation: int() of a string that is no integer"),
        ("int(tags)", "invalid operation: int([]interface {})"),
        ('float("x")', "invalid operation: float() of a string that is no number"),
        ('duration("1")', "invalid duration: missing unit"),
        ('duration("1x")', "invalid duration: unknown unit"),
        ('duration("99999999999h")', "invalid duration: longer than 64 bits of nanoseconds"),
        ('fromBase64("*")', "illegal base64 data"),
        ('fromJSON("[1,")', "unexpected end of JSON input"),
        ("fromJSON('{\"a\" 1}')", "invalid character at offset 5 of the JSON"),
        ('fromJSON("[1 2]")', "invalid character at offset 3 of the JSON"),
        ('date("x")', "invalid date"),
        ('date("13:00 PM", "03:04 PM")', "not a time of this layout: hour out of range"),
        ('date("2023-13-01", "2006-01-02")', "not a time of this layout: month out of range"),
        ('date("2023", "2006 002")', "not a time of this layout: no day of the year"),
        ('date("05.x", "05.0")', "not a time of this layout: no fraction of a second"),
        (
            'toJSON(date("9999-12-31") + duration("48h"))',
            "Time.MarshalJSON: year outside of range [0,9999]",
        ),
        (
            'toJSON(date("2023-01-01 +2400", "2006-01-02 -0700"))',
            "Time.MarshalJSON: timezone hour outside of range [0,23]",
        ),
        ('timezone("Nowhere/Here")', "unknown time zone"),
        ("max([1, nil])", "invalid argument for max (type <nil>)"),
        ("mean([nil])", "invalid argument for mean (type <nil>)"),
        ("abs(text)", "invalid argument for abs (type string)"),
        ("flatten(number)", "cannot flatten float64"),
        ("concat(number)", "cannot concat float64"),
        ("reverse(number)", "cannot reverse float64"),
        ("toPairs(number)", "cannot transform to pairs float64"),
        ("fromPairs(number)", "cannot transform float64 from pairs"),
        ('fromPairs([["b"]])', "every pair must be an array of two"),
        ("keys(number)", "cannot get keys from float64"),
        ('sortBy(tags, #, "down")', 'the order must be "asc" or "desc"'),
        ('number + "a"', "invalid operation: float64 + string"),
        ("not number", "not takes a bool, not float64"),
        ('text matches "(" + text', "error parsing regexp: missing ): (héllo"),
        ("number % 2", "invalid operation: float64 % int"),
        ('"a" in text', 'operator "in" not defined on string'),
        ("number in spec", "value of type float64 is not assignable to type string"),
        ('repeat("a", -1)', "invalid argument for repeat (expected positive integer, got -1)"),
        ('repeat("ab", 600000)', "memory budget exceeded"),
        ("sum(tags)", "invalid operation: string + int"),
        ("reduce([], #acc)", "reduce of an empty array needs an initial value"),
        ("filter(number, true)", "cannot go through float64"),
        ("filter(tags, number)", "the predicate must give a bool, not float64"),
    ],
)
def test_an_expression_that_cannot_be_evaluated(expression: str, message: str) -> None:
    """The failed part comes first."""
    with pytest.raises(EvaluationError) as raised:
        compile(expression).evaluate(ENVIRONMENT)
    assert raised.value.message == f"{expression}: {message}"
