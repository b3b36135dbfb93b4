"""Every operator between values of every kind, every builtin with every number and kind of argument."""

import itertools
import random
from collections.abc import Iterator, Sequence
from functools import cache

from tests.integration.expressions.cases import Case, words

VALUES = (
    # What the checker knows.
    "nil",
    "true",
    "0",
    "1",
    "-3",
    "9223372036854775807",
    "1.5",
    "-2.0",
    "1e21",
    '""',
    '"a"',
    '"12"',
    '"héllo"',
    "[]",
    "[1, 2]",
    "[3, 1.5]",
    '["b", "a"]',
    "[[1], [2, [3]]]",
    "[true, false]",
    '[nil, 1, "x"]',
    "1..3",
    "{}",
    '{"a": 1}',
    'b"ab"',
    'split("a,b", ",")',
    'toPairs({"a": 1})',
    'fromPairs([["a", 1]])',
    "groupBy([1, 2, 3], # > 2)",
    'date("2024-02-29")',
    'date("2023-08-14T10:00:00+02:00")',
    'duration("90m")',
    'timezone("Europe/Zurich")',
    'date("2024-02-29").Month()',
    'date("2024-02-29").Weekday()',
    # What only the run knows.
    "nothing",
    "yes",
    "i",
    "f",
    "neg",
    "text",
    "blank",
    "digits",
    "day",
    "tags",
    "numbers",
    "flags",
    "mixed",
    "nested",
    "empty",
    "users",
    "map",
    "one",
    "none",
    "text[0]",
    "missing",
    "$env",
    "fromJSON(json)",
    "get([1, 2], 0)",
    "get([date(day)], 0)",
    'get([duration("90m")], 0)',
    'get([b"ab"], 0)',
    "get([1..3], 0)",
    "len(text)",
)
KNOWN_VALUES = VALUES[: VALUES.index("nothing")]
BINARY_OPERATORS = words(
    """
    + - * / % ** ^ == != < <= > >= && || in contains startsWith endsWith matches ?? ..
    """
)
BINARY_OPERATORS += ["not in", "not contains", "not matches"]
UNARY_OPERATORS = ("!", "-", "+", "not ", "- -", "!!")
FUNCTIONS = words(
    """
    len type abs ceil floor round int float string trim trimPrefix trimSuffix upper lower split
    splitAfter replace repeat join indexOf lastIndexOf hasPrefix hasSuffix max min mean median sum
    count toJSON fromJSON toBase64 fromBase64 now duration date timezone first last get take keys
    values toPairs fromPairs reverse uniq concat flatten sort bitand bitor bitxor bitnand bitshl
    bitshr bitushr bitnot
    """
)
PREDICATE_FUNCTIONS = words(
    """
    all any none one filter map find findIndex findLast findLastIndex count sum groupBy sortBy
    reduce
    """
)
PREDICATES = (
    "true",
    "#",
    "# > 1",
    "#.age",
    ".name",
    ".age > 30",
    "# == nil",
    "#index",
    "{# * 2}",
    "{let x = #; x}",
    "string(#)",
    "len(#)",
    "# % 2 == 0",
    "#[0]",
    '"a" in #',
    "#acc",
    "nothing",
    "type(#)",
    "{1; 2}",
)
TIME_METHODS = words(
    """
    Year Month Day Hour Minute Second Nanosecond Weekday YearDay Unix UnixMilli UnixMicro UnixNano
    IsZero String UTC Local Location Zone ISOWeek Date Clock GoString IsDST MarshalJSON MarshalText
    Name Nope
    """
)
TIME_CALLS = (
    '.Format("2006-01-02T15:04:05.000Z07:00")',
    ".Add(duration('1h'))",
    ".Sub(date('2024-01-01'))",
    ".Before(date('2024-01-01'))",
    ".After(date('2024-01-01'))",
    ".Equal(date('2024-01-01'))",
    ".Compare(date('2024-01-01'))",
    ".AddDate(0, 1, 1)",
    ".Truncate(duration('1h'))",
    ".Round(duration('24h'))",
    ".In(timezone('Asia/Kolkata'))",
    ".In(timezone('America/New_York')).String()",
    ".In(nil)",
    ".Format(1)",
    ".Format()",
    ".Year(1)",
    ".Year",
    ".Year().Foo",
    "?.Year()",
    "['Year']()",
    ".Month().String()",
    ".Weekday().String()",
    ".Month() == 2",
    ".Month() + 1",
    ".Location().String()",
)
DURATION_METHODS = words("Hours Minutes Seconds Milliseconds Microseconds Nanoseconds String Abs Nope")
DURATION_CALLS = (
    ".Round(duration('1h'))",
    ".Truncate(duration('1m'))",
    ".Hours",
    ".Hours(1)",
    " * 2",
    "2 * ",
    " / 2",
    " + duration('1s')",
    " - duration('1s')",
)


def operators() -> Iterator[str]:
    for operator, left, right in itertools.product(BINARY_OPERATORS, VALUES, VALUES):
        yield f"{_operand(left)} {operator} {_operand(right)}"
    for operator, value in itertools.product(UNARY_OPERATORS, VALUES):
        yield f"{operator}{_operand(value)}"


def accesses() -> Iterator[str]:
    for target, index in itertools.product(VALUES, VALUES):
        yield f"{_operand(target)}[{index}]"
        yield f"{_operand(target)}?.[{index}]"
        yield f"{_operand(target)}[{index}:]"
        yield f"{_operand(target)}[:{index}]"
    for target, low, high in itertools.product(
        VALUES, ("0", "1", "-1", "-9", "9", "f"), ("1", "-1", "9", "nothing")
    ):
        yield f"{_operand(target)}[{low}:{high}]"
    for target, suffix in itertools.product(
        VALUES,
        (
            ".a",
            "?.a",
            ".a.b",
            "?.a.b",
            "?.a?.b",
            ".a()",
            "?.a()",
            "()",
            "[:]",
            ".name",
            ".Year()",
            ".String()",
        ),
    ):
        yield f"{_operand(target)}{suffix}"


def conditionals() -> Iterator[str]:
    for value in VALUES:
        yield f"{_operand(value)} ? 1 : 2"
        yield f"if {_operand(value)} {{ 1 }} else {{ 2 }}"
        yield f"let x = {value}; x"
        yield f"[{value}, 1]"
        yield f'{{"k": {value}}}'
        yield f"({value}); 1"
        yield f"1; {value}"
        yield f"{{({value}): 1}}"
    for left, right in itertools.product(VALUES, VALUES):
        yield f"yes ? {left} : {right}"
        yield f"[{left}, {right}]"


def calls() -> Iterator[str]:
    for function in FUNCTIONS:
        yield f"{function}()"
        for value in VALUES:
            yield f"{function}({value})"
            yield f"{_operand(value)} | {function}()"
        for first, second in itertools.product(VALUES, VALUES):
            yield f"{function}({first}, {second})"
        yield from (f"{function}({', '.join(three)})" for three in _some(VALUES, 3, 300, function))
        yield from (f"{function}({', '.join(four)})" for four in _some(VALUES, 4, 60, function))
        yield f"{function}(1, 2, 3, 4, 5)"
        yield f"missing.{function}()"


def unknown_types() -> Iterator[str]:
    """What the checker would refuse, behind types that only the run knows."""
    for operator, left, right in itertools.product(BINARY_OPERATORS, KNOWN_VALUES, KNOWN_VALUES):
        yield f"{_unknown(left)} {operator} {_unknown(right)}"
    for operator, value in itertools.product(UNARY_OPERATORS, KNOWN_VALUES):
        yield f"{operator}{_unknown(value)}"
    for target, index in itertools.product(KNOWN_VALUES, KNOWN_VALUES):
        yield f"{_unknown(target)}[{_unknown(index)}]"
        yield f"{_unknown(target)}[{_unknown(index)}:]"
    for value, suffix in itertools.product(
        KNOWN_VALUES, (".a", "?.a.b", ".Year()", ".String()", "()", ".a()", "[0]")
    ):
        yield f"{_unknown(value)}{suffix}"
    for function in FUNCTIONS:
        yield from (f"{function}({_unknown(value)})" for value in KNOWN_VALUES)
        pairs = itertools.product(KNOWN_VALUES, KNOWN_VALUES)
        yield from (f"{function}({_unknown(first)}, {_unknown(second)})" for first, second in pairs)
        for three in _some(KNOWN_VALUES, 3, 200, function):
            yield f"{function}({', '.join(map(_unknown, three))})"
    for function, value, predicate in itertools.product(PREDICATE_FUNCTIONS, KNOWN_VALUES, PREDICATES):
        yield f"{function}({_unknown(value)}, {predicate})"
    for value in KNOWN_VALUES:
        yield f"{_unknown(value)} ? 1 : 2"
        yield f"{{({_unknown(value)}): 1}}"
        yield f"map([1], {_unknown(value)})[0] == {value}"


def predicate_calls() -> Iterator[str]:
    for function, value, predicate in itertools.product(PREDICATE_FUNCTIONS, VALUES, PREDICATES):
        yield f"{function}({value}, {predicate})"
    for function, value in itertools.product(PREDICATE_FUNCTIONS, VALUES):
        yield f"{function}({value})"
        yield f"{function}()"
        yield f"{function}({value}, #, 1)"
        yield f'{function}({value}, #, "desc")'
        yield f"{function}({value}, #, nothing)"
        yield f"reduce({value}, #acc + #, 0)"
        yield f"reduce({value}, #acc + #index)"
        yield f"{_operand(value)} | {function}(# == 1)"


def methods() -> Iterator[str]:
    times = [
        'date("2024-02-29")',
        'date("2023-08-14T10:00:00.123456789+02:00")',
        "date(day)",
        "get([date(when)], 0)",
        'date("2023-10-29 02:30:00", "2006-01-02 15:04:05", "Europe/Zurich")',
        'date("15:04:05")',
        'date("2024-02-29").In(timezone("Asia/Kathmandu"))',
    ]
    for time, method in itertools.product(times, TIME_METHODS):
        yield f"{time}.{method}()"
    for time, call in itertools.product(times, TIME_CALLS):
        yield f"{time}{call}"
    durations = ["90m", "1h15m30.918273645s", "-1.5h", "0", "1ns", "1us", "2540400h", "999ms", "100h5m"]
    for duration in durations:
        for method in DURATION_METHODS:
            yield f'duration("{duration}").{method}()'
        for call in DURATION_CALLS:
            yield f'{call}duration("{duration}")' if call.endswith(" ") else f'duration("{duration}"){call}'
    for first, second in itertools.product(times, times):
        for operator in ("-", "<", "<=", ">", ">=", "==", "!="):
            yield f"{first} {operator} {second}"
        yield f"({first} - {second}).String()"
        yield f"[{first}] == [{second}]"
        yield f"{first} in [{second}]"


def functions() -> Iterator[str]:
    """Functions that are values, and calls that the checker does not look at."""
    for function in (*FUNCTIONS, *PREDICATE_FUNCTIONS):
        for count in range(6):
            for given in _some(VALUES, count, 10, f"{function}{count}"):
                called = f"({', '.join(given)})"
                yield f"let f = {function}; f{called}"
                yield f"let f = {function}; f{called} + 1"
                yield f"let f = [1, {function}][1]; f{called}"
                yield f"unknown?.x({function}{called})"
    for one, other in itertools.product(FUNCTIONS, FUNCTIONS):
        yield f"let f = yes ? {one} : {other}; f(1)"
        yield f"let f = {one} ?? {other}; f('a', 'b')"
    for method, argument in itertools.product(TIME_METHODS, ("", "1", "nil", "date(day)", "nothing")):
        # The engine has no such call of these: see the differences in docs/expressions.md.
        if method not in ("IsZero", "IsDST"):
            yield f"let f = date(when).{method}; f({argument})"
            yield f"let f = yes ? date(when).{method} : date(day).Format; f({argument})"
            yield f"let f = yes ? date(when).{method} : duration('1h').{method}; f({argument})"


def _operand(value: str) -> str:
    simple = value.isalnum() or value[0] in "\"[{'$" or value.endswith(")")
    return value if simple else f"({value})"


def _unknown(value: str) -> str:
    return f"[{value}, nothing][0]"


def _some(values: tuple[str, ...], size: int, count: int, seed: str) -> Iterator[tuple[str, ...]]:
    chooser = random.Random(seed)
    for _ in range(count):
        yield tuple(chooser.choice(values) for _ in range(size))


TOPICS = {
    "operators": operators,
    "accesses": accesses,
    "conditionals": conditionals,
    "calls": calls,
    "predicate calls": predicate_calls,
    "methods": methods,
    "unknown types": unknown_types,
    "functions": functions,
}


@cache
def systematic_cases(topic: str) -> Sequence[Case]:
    return tuple(Case("wide", expression) for expression in dict.fromkeys(TOPICS[topic]()))
