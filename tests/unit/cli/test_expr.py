"""``pullsecret expr``."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pullsecret.entrypoints.cli import app

CASES = Path(__file__).parents[2] / "fixtures" / "conformance"


def run(*arguments: str) -> int:
    code: int = app(["expr", *arguments])
    return code


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[Any], str]:
    def written(content: Any) -> str:
        file = tmp_path / "environment.json"
        file.write_text(json.dumps(content))
        return str(file)

    return written


@pytest.fixture
def answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Any, Sequence[Any]], list[Any]]:
    """Runs cases against environments; their answers."""

    def answered(environments: Any, cases: Sequence[Any]) -> list[Any]:
        file = tmp_path / "environments.json"
        file.write_text(json.dumps(environments))
        lines = "".join(json.dumps(case) + "\n" for case in cases).encode()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
        assert run("--environments", str(file)) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return answered


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("1 + 2 * 3", "7"),
        ("-1 - 1", "-2"),
        ("6 / 2", "3"),
        ("1e21", "1e+21"),
        ('upper("é") + "<"', r'"É\u003c"'),
        ('{"b": [1, nil], "a": 1.5}', '{"a":1.5,"b":[1,null]}'),
        ("1..3", "[1,2,3]"),
        ("missing", "null"),
        ('duration("1s")', "1000000000"),
        ('date("2024-02-29")', '"2024-02-29T00:00:00Z"'),
    ],
)
def test_prints_the_value_as_json(expression: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(expression) == 0
    assert capsys.readouterr().out == printed + "\n"


def test_names_are_those_of_the_file(
    environment: Callable[[Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run("spec.nodes > 2 && 'x' in tags", "--env", environment({"spec": {"nodes": 3}, "tags": ["x"]})) == 0
    )
    assert capsys.readouterr().out == "true\n"


@pytest.mark.parametrize(
    ("expression", "code", "told", "caret"),
    [
        ("1 +", 2, "unexpected end", (1, 4)),
        ("true &&\n  (1", 2, "", (2, 5)),
        ("true && 1", 2, "bool", (1, 1)),
        ("a.b.c", 1, "a.b: cannot fetch b from nil", (1, 1)),
        ('[1, "a"][1] + 1', 1, "string + int", (1, 1)),
    ],
)
def test_errors_are_told_with_a_caret(
    expression: str, code: int, told: str, caret: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(expression) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    message, line, marker = captured.err.splitlines()
    assert told in message
    assert message.endswith(f"(line {caret[0]}, column {caret[1]})")
    assert line == expression.split("\n")[caret[0] - 1]
    assert marker == " " * (caret[1] - 1) + "^"


def test_a_value_without_json_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("groupBy([1], #)") == 1
    assert "map[interface {}][]interface {}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("1", "--environments", "x.json"),
        ("--environments", "/nowhere.json"),
        ("1", "--env", "/nowhere.json"),
    ],
)
def test_wrong_use_is_told_in_one_line(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_environment_must_be_one_object(
    environment: Callable[[Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("1", "--env", environment([{}, {}])) == 2
    assert run("--environments", environment({"e": 1})) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_many_cases_give_one_line_each_in_order(answers: Callable[[Any, Sequence[Any]], list[Any]]) -> None:
    given = answers(
        {"one": {"x": 1}, "two": {"x": "é"}},
        [
            {"expr": "x", "env": "one"},
            {"expr": "x", "env": "two", "origin": "ignored"},
            {"expr": "x ==", "env": "one"},
            {"expr": "x.y.z", "env": "one"},
            {"expr": "groupBy([x], #)", "env": "one"},
            {"expr": 'float("nan")', "env": "one"},
            {"expr": "nope", "env": "one"},
            {"expr": "len('\ud800')", "env": "one"},
        ],
    )
    assert given == [
        {"outcome": "value", "type": "float64", "value": 1},
        {"outcome": "value", "type": "string", "value": "é"},
        {"outcome": "compile_error"},
        {"outcome": "runtime_error"},
        {"outcome": "unserialisable"},
        {"outcome": "unserialisable"},
        {"outcome": "value", "type": "<nil>", "value": None},
        {"outcome": "value", "type": "int", "value": 1},
    ]


def test_the_shared_cases(answers: Callable[[Any, Sequence[Any]], list[Any]]) -> None:
    environments = json.loads((CASES / "expr-environments.json").read_text())
    cases = [json.loads(line) for line in (CASES / "expr-cases.jsonl").read_text().splitlines()]
    given = answers(environments, cases)
    told = ("outcome", "type", "value")
    wanted = [{name: case[name] for name in told if name in case} for case in cases]
    wrong = [(case["expr"], got) for case, want, got in zip(cases, wanted, given, strict=True) if got != want]
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [b"x\n", b"[]\n", b'{"expr": "1"}\n', b'{"expr": 1, "env": "e"}\n', b'{"expr": "1", "env": "f"}\n'],
)
def test_a_bad_line_ends_it(
    line: bytes,
    environment: Callable[[Any], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = b'{"expr": "1", "env": "e"}\n'
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(good + b"\n" + line + good)))
    assert run("--environments", environment({"e": {}})) == 2
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert "line 3" in captured.err
