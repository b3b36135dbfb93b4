"""Strings are bytes to Go: indices count bytes, and bytes that are no character are kept."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.expressions import EvaluationError, compile
from pullsecret.expressions.values import bytes_of, text_of

DATA = st.lists(
    st.sampled_from([b"a", b"b", b",", "é".encode(), "日".encode(), b"\xc3", b"\xa9", b"\xff", b"\xe6\x97"]),
    max_size=6,
).map(b"".join)
PROGRAMS = {
    source: compile(source)
    for source in (
        "indexOf(a, b)",
        "lastIndexOf(a, b)",
        "hasPrefix(a, b)",
        "hasSuffix(a, b)",
        "trimPrefix(a, b)",
        "trimSuffix(a, b)",
        "replace(a, b, c)",
        "split(a, b)",
        "splitAfter(a, b)",
        "repeat(a, 3)",
        "join([a, b], c)",
        "toBase64(a)",
        "fromBase64(toBase64(a)) == a",
    )
}


def evaluated(source: str, a: bytes, b: bytes = b"", c: bytes = b"") -> object:
    return PROGRAMS[source].evaluate({"a": text_of(a), "b": text_of(b), "c": text_of(c)})


@given(DATA, DATA)
def test_search_is_in_bytes(a: bytes, b: bytes) -> None:
    assert evaluated("indexOf(a, b)", a, b) == a.find(b)
    assert evaluated("lastIndexOf(a, b)", a, b) == a.rfind(b)
    assert evaluated("hasPrefix(a, b)", a, b) == a.startswith(b)
    assert evaluated("hasSuffix(a, b)", a, b) == a.endswith(b)


@given(DATA, DATA.filter(bool), DATA)
def test_results_are_those_of_the_bytes(a: bytes, b: bytes, c: bytes) -> None:
    assert evaluated("replace(a, b, c)", a, b, c) == text_of(a.replace(b, c))
    assert evaluated("trimPrefix(a, b)", a, b) == text_of(a.removeprefix(b))
    assert evaluated("trimSuffix(a, b)", a, b) == text_of(a.removesuffix(b))
    assert evaluated("split(a, b)", a, b) == tuple(map(text_of, a.split(b)))
    assert evaluated("repeat(a, 3)", a) == text_of(a * 3)
    assert evaluated("join([a, b], c)", a, b, c) == text_of(c.join([a, b]))
    pieces = evaluated("splitAfter(a, b)", a, b)
    assert isinstance(pieces, tuple)
    assert b"".join(map(bytes_of, pieces)) == a


@given(DATA)
def test_base64_keeps_every_byte(a: bytes) -> None:
    assert evaluated("toBase64(a)", a) == base64.b64encode(a).decode()
    assert evaluated("fromBase64(toBase64(a)) == a", a) is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('upper("ß ŉ ᾀ ı")', "ß ŉ ᾈ I"),
        ('lower("İ ΑΣ")', "i ας".replace("ς", "σ")),
        ('trim("\\u00a0 a\\u2003")', "a"),
        ('trim("\\u001ca")', "\x1ca"),
        ('trim("xyaYx", "xy")', "aY"),
        ('split("héy", "")', ("h", "é", "y")),
        ('split("a,b,c", ",", 2)', ("a", "b,c")),
        ('splitAfter("a,b,c", ",", 2)', ("a,", "b,c")),
        ('replace("aaa", "", "-", 2)', "-a-aa"),
        ('split("", ",")', ("",)),
        ('split("", "")', ()),
        ('split("a", ",", 0) == nil', True),
    ],
)
def test_forms(expression: str, value: object) -> None:
    assert compile(expression).evaluate({}) == value


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ('repeat("a", 1000001)', "memory budget exceeded"),
        ('repeat(repeat("a", 1000), 1001)', "memory budget exceeded"),
        ('repeat("a", -1)', "positive"),
        ("upper(x)", "not string"),
        ("join([1])", "not string"),
        ('fromBase64("a")', "base64"),
        ('replace(repeat("a", 999999), "", repeat("b", 9))', "budget"),
    ],
)
def test_refused(expression: str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        compile(expression).evaluate({"x": 1})


@pytest.mark.parametrize(
    "expression",
    [
        'trim(repeat("a", 300000), repeat("b", 300000) + "a")',
        'lastIndexOf(repeat("a", 400000), "ab" + repeat("a", 200000))',
        'len(split(repeat("a", 900000), ""))',
        'duration(repeat("1ns", 300000))',
        'date(repeat("1", 400000), repeat("2", 400000))',
        'date("2024-01-01").Format(repeat("2006", 200000))',
        'float(repeat("1", 900000) + "_")',
        'int(repeat("9", 900000))',
        'fromJSON("[" + repeat("1,", 400000) + "1]")',
        'fromJSON("\\"" + repeat("x", 900000))',
        'fromBase64(repeat("a", 900001))',
        'upper(repeat("é", 400000))',
        'timezone(repeat("a", 900000))',
    ],
)
def test_hostile_arguments_end_soon(expression: str) -> None:
    """Each would take hours, or gigabytes, done as it first comes to mind."""
    with contextlib.suppress(EvaluationError):
        compile(expression).evaluate({})


@pytest.mark.parametrize(
    "expression",
    [
        "int(x)",
        "float(x)",
        "date(x)",
        'date("2024", x)',
        'date("2024-01-01", "2006-01-02", x)',
        "duration(x)",
        "timezone(x)",
        "fromJSON(x)",
        "fromBase64(x)",
        "join([x, 1])",
        "repeat(x, -1)",
        "max(1, x)",
        "abs(x)",
        "bitand(1, x)",
        "mean(x)",
    ],
)
def test_errors_do_not_tell_values(expression: str) -> None:
    """A value may be a secret, and errors are logged and reported."""
    with pytest.raises(EvaluationError) as raised:
        compile(expression).evaluate({"x": "1hunter23"})
    assert "hunter" not in str(raised.value)
