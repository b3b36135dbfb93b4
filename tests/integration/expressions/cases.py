"""Cases for the language, made in bulk. None carries a result: our answer is compared with the engine's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

WRITTEN = Path(__file__).parent / "written"
SHARED = Path(__file__).parents[2] / "fixtures" / "conformance"


@attrs.frozen
class Case:
    """An expression and the name of the environment it is evaluated in."""

    env: str
    expr: str

    def line(self) -> str:
        return json.dumps(attrs.asdict(self), ensure_ascii=False) + "\n"


def environments() -> dict[str, dict[str, Any]]:
    """The shared environments, and one with values that those lack."""
    shared: dict[str, dict[str, Any]] = json.loads((SHARED / "expr-environments.json").read_text())
    return {**shared, "wide": WIDE}


WIDE: dict[str, Any] = {
    "i": 42,
    "f": 2.75,
    "neg": -3,
    "huge": 1e21,
    "tiny": 1e-7,
    "max53": 9007199254740993,
    "yes": True,
    "no": False,
    "nothing": None,
    "text": "Hello, Wörld – 日本語 \U0001f600",
    "blank": "",
    "spaces": " \t padded\n ",
    "digits": "0123",
    "json": '{"a": [1, 2.5, {"b": null}], "ü": "<&>"}',
    "when": "2024-02-29T12:30:45.123456789+05:30",
    "day": "2023-08-14",
    "with space": "spaced",
    "a-b": "dashed",
    "": "empty name",
    "tags": ["prod", "gcp", "eu"],
    "numbers": [3, 1, 4, 1, 5, 9, 2.5],
    "words": ["b", "a", "B", "", "ä", "a"],
    "flags": [True, False, True],
    "mixed": [1, "1", 1.5, True, None, [1], {"k": 1}],
    "nested": [[1, 2], [3, [4, [5]]], []],
    "empty": [],
    "nils": [None, None],
    "users": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "address": {"city": "Bern"}, "admin": True},
        {"name": "Bob", "age": 25, "tags": [], "address": None, "admin": False},
        {"name": "Cid", "age": 31, "tags": ["y"], "admin": False},
    ],
    "map": {"a": 1, "b": {"c": [10, 20]}, "": 0, "True": "t", "1": "one"},
    "one": {"k": "v"},
    "none": {},
}


def words(text: str) -> list[str]:
    """What white space separates."""
    return text.split()


def read(path: Path) -> Iterator[Case]:
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        yield Case(fields["env"], fields["expr"])
