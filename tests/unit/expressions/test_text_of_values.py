"""Values as text and as JSON, and JSON and numbers read from text."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.expressions.budget import STEPS, Budget
from pullsecret.expressions.builtins.conversions import parse_float
from pullsecret.expressions.builtins.encoding import marshal
from pullsecret.expressions.builtins.go_format import format_float, format_value
from pullsecret.expressions.builtins.json_reader import read_json
from pullsecret.expressions.types import UINT8
from pullsecret.expressions.values import Pairs, RuntimeFault, Strings, TypedInt

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(FLOATS)
def test_floats_are_written_with_the_digits_that_give_them_back(number: float) -> None:
    assert float(format_float(number)) == number
    assert float(marshal(number, Budget())) == number


@pytest.mark.parametrize(
    ("number", "text", "as_json"),
    [
        (1.0, "1", "1"),
        (-0.0, "-0", "-0"),
        (100000.0, "100000", "100000"),
        (1234567.0, "1.234567e+06", "1234567"),
        (1e20, "1e+20", "100000000000000000000"),
        (1e21, "1e+21", "1e+21"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "1e-05", "0.00001"),
        (1e-7, "1e-07", "1e-7"),
        (5e-324, "5e-324", "5e-324"),
    ],
)
def test_exponents_appear_where_go_writes_them(number: float, text: str, as_json: str) -> None:
    assert format_float(number) == text
    assert marshal(number, Budget()) == as_json


@pytest.mark.parametrize(
    ("value", "text", "as_json"),
    [
        (None, "<nil>", "null"),
        ([1, "a b", None, [True]], "[1 a b <nil> [true]]", '[1,"a b",null,[true]]'),
        ({"b": 1, "a": {}}, "map[a:map[] b:1]", '{"a":{},"b":1}'),
        (range(1, 4), "[1 2 3]", "[1,2,3]"),
        (Strings(["x"]), "[x]", '["x"]'),
        (Pairs(), "[]", "[]"),
        (b"ab", "[97 98]", '"YWI="'),
        (TypedInt(UINT8, 7), "7", "7"),
        ("<é\udcff\u2028\x01>", "<é\udcff\u2028\x01>", '"\\u003cé\\ufffd\\u2028\\u0001\\u003e"'),
    ],
)
def test_values(value: Any, text: str, as_json: str) -> None:
    assert format_value(value, Budget()) == text
    assert marshal(value, Budget()) == as_json


def test_indented() -> None:
    assert marshal({"a": [1, []], "b": {}}, Budget(), indent="  ") == json.dumps(
        {"a": [1, []], "b": {}}, indent=2
    )


@given(DOCUMENTS)
def test_json_is_read_and_written_without_loss(document: Any) -> None:
    assert json.loads(marshal(document, Budget()), parse_int=float) == document
    assert read_json(json.dumps(document), Budget()) == document
    assert read_json(marshal(document, Budget(), indent="  "), Budget()) == document


@given(st.text(alphabet='[]{},:"\\u0eE-+.1 \n\x01tfnrueals', max_size=14))
def test_accepts_what_pythons_reader_accepts(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=lambda name: pytest.fail(name), parse_int=float)
    except ValueError:
        with pytest.raises(RuntimeFault):
            read_json(text, Budget())
        return
    if "\\u" in text or "inf" in repr(expected):
        return  # Halves of surrogate pairs and numbers out of range: tested below.
    assert read_json(text, Budget()) == expected


@pytest.mark.parametrize(
    "text", ["1e400", "NaN", "Infinity", '"\x01"', "\ufeff1", "\u00a01", "[1]//", "01", "'a'"]
)
def test_refused_json(text: str) -> None:
    with pytest.raises(RuntimeFault):
        read_json(text, Budget())


def test_surrogates_in_json() -> None:
    assert read_json('"\\ud83d\\ude00"', Budget()) == "\U0001f600"
    assert read_json('"\\ud83d\\u0041\\udc80\\ud83d"', Budget()) == "\ufffdA\ufffd\ufffd"


def test_depth_is_bounded_and_needs_no_recursion() -> None:
    deep = read_json("[" * 10_000 + "]" * 10_000, Budget())
    assert format_value(deep, Budget()) == "[" * 10_000 + "]" * 10_000
    assert marshal(deep, Budget()) == "[" * 10_000 + "]" * 10_000
    with pytest.raises(RuntimeFault, match="depth"):
        read_json("[" * 10_001 + "]" * 10_001, Budget())


def test_a_value_that_shares_its_parts_cannot_make_an_endless_text() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    for written in (format_value, marshal):
        budget = Budget()
        budget.steps(STEPS - 100_000)
        with pytest.raises(RuntimeFault, match="budget"):
            written(value, budget)


@given(FLOATS)
def test_floats_are_read(number: float) -> None:
    assert parse_float(repr(number)) == number
    assert parse_float(number.hex()) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1_000.5", 1000.5),
        ("0x1p-2", 0.25),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1e3", 1000.0),
        ("-Infinity", -math.inf),
    ],
)
def test_forms_of_numbers(text: str, number: float) -> None:
    assert parse_float(text) == number


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1__0", "_1", "1_", "0x1", "1e", "e1", ".", "1e400", "+nan", "١", "1f", "infin"]
)
def test_what_is_no_number(text: str) -> None:
    assert parse_float(text) is None
