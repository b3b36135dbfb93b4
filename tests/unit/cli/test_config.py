"""Configuration files, checked and described from the command line."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Command

from pullsecret.entrypoints.configuration.schema import json_schema


def test_a_valid_file(pullsecret: Command, examples: Path) -> None:
    file = examples / "v1" / "adapter.yaml"
    ran = pullsecret("config", "validate", file)
    assert (ran.code, ran.out, ran.err) == (0, f"{file}: valid\n", "")
    assert pullsecret("config", "validate", file, "--output", "json").json == {"valid": True, "problems": []}


def test_a_wrong_file_shows_everything_at_once(pullsecret: Command, tmp_path: Path) -> None:
    file = tmp_path / "adapter.yaml"
    file.write_text('limits: {perProjct: 1}\nspec:\n  eventFilter: {expression: "1 +* 2"}\n')
    ran = pullsecret("config", "validate", file)
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean perProject?" in ran.err
    shown = ran.err.splitlines()
    at = shown.index("1 +* 2")
    assert shown[at + 1].strip() == "^"
    assert f"{file}: line 3, column 17: spec.eventFilter.expression: " in shown[at - 1]
    told = pullsecret("config", "validate", file, "--output", "json")
    assert told.code == 2
    assert told.err == ""
    assert [problem["path"] for problem in told.json["problems"]] == [
        "limits.perProjct",
        "spec.eventFilter.expression",
    ]
    assert told.json["problems"][0]["position"] == {"line": 1, "column": 10}


def test_the_environment_counts(pullsecret: Command, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLSECRET__LIMITS__OVERALL", "0")
    ran = pullsecret("config", "validate", examples / "ddr" / "adapter.yaml")
    assert ran.code == 2
    assert "PULLSECRET__LIMITS__OVERALL: must be >= 1" in ran.err


def test_the_schema_is_written(pullsecret: Command) -> None:
    ran = pullsecret("config", "schema")
    assert ran.code == 0
    assert ran.json == json.loads(json.dumps(json_schema()))
