"""The JSON Schema that editors use says the same as loading does, as far as a schema can."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.configuration.keys import leaves
from pullsecret.entrypoints.configuration.schema import json_schema

EXAMPLES = Path(__file__).parents[3] / "examples"
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(SCHEMA)))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/adapter.yaml")), ids=lambda file: file.parent.name)
def test_the_examples_are_valid(file: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"speck": {}},
        {"spec": {"eventFilter": {}}},
        {"spec": {"eventFilter": {"expression": 7}}},
        {"limits": {"perProject": "many"}},
        {"limits": {"per_project": 3}},
        {"api": {"dialect": "v2"}},
        {"broker": "kafka"},
        {"spec": {"preconditions": {}}},
        {"drift": 7},
    ],
)
def test_what_loading_refuses_for_its_form_is_not_valid(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(wrong)


@pytest.mark.parametrize("fine", [{}, {"drift": None}, {"jobs": {"keepVersions": None, "budget": 7}}])
def test_what_loading_takes_is_valid(fine: dict[str, Any]) -> None:
    VALIDATOR.validate(fine)


def test_every_key_of_ours_is_described() -> None:
    def bare(schema: dict[str, Any], path: str) -> list[str]:
        inner = schema.get("properties", {})
        return [f"{path}.{key}" for key, value in inner.items() if not value.get("description")] + [
            name for key, value in inner.items() for name in bare(value, f"{path}.{key}")
        ]

    assert bare(SCHEMA, "") == []


def test_it_names_every_key() -> None:
    def names(schema: dict[str, Any]) -> set[str]:
        found = set()
        for part in [schema, *schema.get("anyOf", [])]:
            for key, value in part.get("properties", {}).items():
                found |= {key} | names(value)
            if "items" in part:
                found |= names(part["items"])
        return found

    assert {path[-1] for path, _ in leaves(Configuration)} <= names(SCHEMA)
