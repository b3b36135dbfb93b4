"""Cases written by topic, in ``written/``: the corners of the language that no systematic product reaches.

Numbers, strings and string calls are one expression a line. Syntax is separated by bars, and joined again at
some of them. The other files hold one JSON value a line: texts, patterns and layouts to make expressions of.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.integration.expressions.cases import WRITTEN, Case


def _lines(name: str) -> list[str]:
    return (WRITTEN / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]


def _values(name: str) -> list[Any]:
    return [json.loads(line) for line in _lines(name)]


def written_topics() -> dict[str, list[str]]:
    return {
        "numbers": _lines("numbers"),
        "strings": _lines("strings"),
        "string calls": _lines("string_calls"),
        "syntax": list(_syntax()),
        "dates": list(_dates()),
        "json": [
            f"{call}({_quoted(text)})" for text in _values("json_texts") for call in ("fromJSON", "toJSON")
        ]
        + [f"toJSON(fromJSON({_quoted(text)}))" for text in _values("json_texts")]
        + [f"string(fromJSON({_quoted(text)}))" for text in _values("json_texts")]
        + [f"len(fromJSON({_quoted('[' * depth + ']' * depth)}))" for depth in (9_999, 10_000, 10_001)],
        "base64": [
            f"{call}({_quoted(text)})"
            for text in _values("base64_texts")
            for call in ("fromBase64", "toBase64")
        ]
        + [f"fromBase64(toBase64({_quoted(text)}))" for text in _values("base64_texts")],
        "regular expressions": list(_patterns()),
    }


def _syntax() -> Iterator[str]:
    """Split at every bar, so a piped or-ed case is also cut up, and each whole line counts too."""
    for line in (WRITTEN / "syntax.txt").read_text(encoding="utf-8").split("\n"):
        pieces = line.split("|")
        yield from pieces
        yield from map("|".join, itertools.pairwise(pieces))
        yield from map("|".join, zip(pieces, pieces[1:], pieces[2:], strict=False))
    yield from (WRITTEN / "syntax.txt").read_text(encoding="utf-8").split("|")


def _dates() -> Iterator[str]:
    for text in _values("dates"):
        yield f"date({_quoted(text)})"
        yield f"string(date({_quoted(text)}))"
        yield f"date({_quoted(text)}).Unix()"
        yield f"date({_quoted(text)}).Zone()"
        yield f'date(timezone("Europe/Zurich"), {_quoted(text)})'
        yield f'string(date(timezone("Europe/Zurich"), {_quoted(text)}))'
        yield f'date({_quoted(text)}).Format("Mon Jan _2 15:04:05.999 -0700 MST 2006")'
    for text, layout in _values("layouts"):
        yield f"date({_quoted(text)}, {_quoted(layout)})"
        yield f"string(date({_quoted(text)}, {_quoted(layout)}))"
        yield f'date({_quoted(text)}, {_quoted(layout)}, "America/New_York")'
        yield f'date(timezone("Asia/Kolkata"), {_quoted(text)}, {_quoted(layout)})'
    for layout in _values("formats"):
        for time in (
            'date("2024-02-09T03:04:05.067Z")',
            "date(when)",
            'date("2023-10-29T15:00:00-07:00").In(timezone("Europe/Zurich"))',
        ):
            yield f"{time}.Format({_quoted(layout)})"
    for text in _values("durations"):
        yield f"duration({_quoted(text)})"
        yield f"string(duration({_quoted(text)}))"
        yield f"duration({_quoted(text)}).Hours()"
        yield f"duration({_quoted(text)}).Seconds()"
        yield f"date(day) + duration({_quoted(text)})"
        yield f"duration({_quoted(text)}) * 2"
    for zone in _values("zones"):
        yield f'timezone("{zone}")'
        yield f'timezone("{zone}").String()'
        yield f'string(date("2023-08-14 12:00:00").In(timezone("{zone}")))'
        yield f'date("2023-12-14 12:00:00", "2006-01-02 15:04:05", "{zone}")'
        yield f'string(date("2023-03-26 02:30:00", "2006-01-02 15:04:05", "{zone}"))'
        yield f'string(date("2023-10-29 02:30:00", "2006-01-02 15:04:05", "{zone}"))'
        yield f'string(date("1900-01-01", "2006-01-02", "{zone}"))'
        yield f'string(date("2050-07-01", "2006-01-02", "{zone}"))'
    yield from (
        "now() > date(day)",
        "now() - now() < duration('1h')",
        "now().Year() > 2000",
        "now(timezone('UTC')).Location().String()",
        "type(now() - date(day))",
        "now(1)",
        "now(timezone('UTC'), 1)",
        "date(day) - date('2023-08-13')",
        "date(day) + date(day)",
        "date(day) * 2",
        "date(day) - duration('24h')",
        "duration('1h') + date(day)",
        "duration('1h') - date(day)",
        "date(day) < duration('1h')",
        "date(day) - 1",
        "duration('1h') * duration('1h')",
        "duration('1h') / duration('30m')",
        "duration('1h') / 2",
        "duration('1h') / 2.0",
        "duration('1h') * 1.5",
        "1.5 * duration('1h')",
        "2 * duration('1h')",
        "duration('1h') * i",
        "i * duration('1h')",
        "-duration('1h')",
        "duration('1h') % duration('7m')",
        "duration('1h') + 1",
        "duration('1h') > 1",
        "duration('1h') == 3600000000000",
        "int(duration('1s'))",
        "float(duration('1s'))",
        "abs(duration('-1s'))",
        "[duration('1s')]",
        "[date(day)]",
        "{d: date(day)}",
        "toJSON(date(day))",
        "toJSON(duration('1s'))",
        "toJSON(date(day).Month())",
        "toJSON(timezone('UTC'))",
        "toJSON([date(when)])",
        "date('2299-01-01') - date('1700-01-01')",
        "date('0001-01-01').IsZero()",
        "date('0001-01-01').Unix()",
        "date('9999-12-31') + duration('24h')",
        "date('9999-12-31') + duration('48h')",
        "string(date('9999-12-31') + duration('48h'))",
    )


def _patterns() -> Iterator[str]:
    for pattern in _values("patterns"):
        for subject in _values("subjects"):
            yield f'"{subject}" matches {_quoted(pattern)}'
        yield f"text matches {_quoted(pattern)}"
        yield f'[text][0] matches ({_quoted(pattern)} + "")'
        yield f'"abc" matches fromJSON({_quoted(json.dumps(pattern))})'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def written_cases() -> list[Case]:
    expressions = [expression for topic in written_topics().values() for expression in topic]
    return [Case("wide", expression) for expression in dict.fromkeys(expressions)]
