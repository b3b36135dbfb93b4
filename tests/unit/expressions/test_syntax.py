"""Literals, precedence, and what the grammar refuses. Every answer is the engine's."""

from typing import Any

import pytest

from pullsecret.expressions import CompileError, compile


def value(expression: str, **environment: Any) -> Any:
    return compile(expression).evaluate(environment)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("1_000", 1000),
        ("08", 8),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        ("9223372036854775807", 9223372036854775807),
        (r"'it\'s'", "it's"),
        (r'"\x41\u0042\u{1F600}\101\n"', "AB\U0001f600A\n"),
        (r'"\ud800"', "\ufffd"),
        ("`raw\\n`", "raw\\n"),
        ("`a``b`", "a`b"),
        (r'b"a\xff\101"', b"a\xffA"),
        ("B'x'", b"x"),
        ("[1, 2,]", [1, 2]),
        ('{a: 1, "b c": 2, 3: 4, ("d" + "e"): 5,}', {"a": 1, "b c": 2, "3": 4, "de": 5}),
        ("{a: 1, a: 2}", {"a": 1}),
        ("1 // one\n + 2 /* two */", 3),
        ("1; 2;", 2),
        ("let x = 2; let y = x * 3; y + 1", 7),
        ("if 1 > 2 { 3 } else if true { 4; 5 } else { 6 }", 5),
        ("[if true {1} else {2}, 3]", [1, 3]),
        ("true ? 1 : false ? 2 : 3", 1),
        ("(true ?: false)", True),
        ("map(1..2, # in [1])", [True, False]),
        ("map(1..2, # index)", [0, 1]),
        ("map(1..2, unknown ?? #index)", [0, 1]),
    ],
)
def test_literals_and_blocks(expression: str, expected: Any) -> None:
    found = value(expression)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("2 * 3 ** 2", 18.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1 * 4", 2.0),
        ("10 - 4 - 3", 3),
        ("not false == true", True),
        ("!false && false", False),
        ("true || false && false", True),
        ("1 < 2 < 3", True),
        ("3 > 2 > 2", False),
        ("2 in 1..3", True),
        ("4 not in [1, 2]", True),
        ("nothing ?? 1 ?? 2", 1),
        ("-nothing ?? 5", -5),
        ("1 + (nothing ?? 5)", 6),
        ("2 * nothing ?? 5 - 1", 9),
        ("[3, 1] | sort() | first()", 1),
        ("1 + 2 | string() | len()", 1),
        ("not ([] | any(true))", True),
    ],
)
def test_precedence(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        ";",
        "1;;",
        "(1;)",
        "1 +",
        "a.",
        "a.b.0",
        "1 2",
        "[1,,2]",
        "{,}",
        "{a b}",
        "{-1: 2}",
        "{[1]: 2}",
        "f(,)",
        "a ?? b + c",
        "a ?? b && c",
        "a | b",
        "a | upper",
        "not in b",
        "a not b",
        "#",
        ".a",
        "unknown(tags, .name)",
        "unknown(#)",
        "map(tags, #) + #",
        "sortBy(tags, #, #)",
        "map(tags, #in)",
        "map(tags, #1)",
        "map(tags, ##)",
        "map(a)",
        "map(a, #, 1)",
        "map(a, {b: 1})",
        "filter(a, {# > 1}.b)",
        "let = 1; 1",
        "let a 1",
        "let len = 1; len",
        "let a = 1; let a = 2; a",
        "if a {1}",
        "if a {1} else 2",
        "if a {1} else {2} + 3",
        "1.foo",
        "0x",
        "0b2",
        "1__2.3.4",
        "9223372036854775808",
        "1e999",
        '"a',
        "'a\nb'",
        r'"\q"',
        r'"\400"',
        r'"\u{110000}"',
        r'b"é\u0041"',
        "`a",
        "/* a",
        "a @ b",
        "a = b",
        "a ! b",
        "a &= b",
        "²",
        "\ud800",
    ],
)
def test_refused_by_the_grammar(expression: str) -> None:
    with pytest.raises(CompileError):
        compile(expression)


@pytest.mark.parametrize("name", ["é", "_a$1", "日本", "a٣"])
def test_names_are_letters_digits_underscore_and_dollar(name: str) -> None:
    assert value(name, **{name: "x"}) == "x"


@pytest.mark.parametrize("word", ["not", "in", "let", "if", "else", "matches", "true", "nil"])
def test_every_word_is_a_property_and_constants_are_keys(word: str) -> None:
    assert value(f"a.{word}", a={word: "x"}) == "x"


def test_an_error_points_at_its_place() -> None:
    with pytest.raises(CompileError) as raised:
        compile('a == "x" &&\n  b == 1 +* 2')
    error = raised.value
    assert (error.line, error.column) == (2, 11)
    assert error.snippet() == "  b == 1 +* 2\n          ^"
    assert "\n" not in error.message


def test_an_end_that_comes_too_early_is_shown_at_the_end() -> None:
    with pytest.raises(CompileError) as raised:
        compile("a &&")
    assert raised.value.snippet() == "a &&\n    ^"
