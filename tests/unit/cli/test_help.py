"""Help is complete, and what is wrong is told in a line or two."""

import re

import pytest
from tests.unit.cli.conftest import Command

from pullsecret.entrypoints.cli import _TABLE

GROUPS = {"config", "broker", "events"}
OF_GROUPS = ["config validate", "config schema", "broker check", "events publish"]
COMMANDS = [*(name for name in _TABLE if name not in GROUPS), *OF_GROUPS]


def test_all_commands_are_listed_with_what_they_do(pullsecret: Command) -> None:
    ran = pullsecret("--help")
    assert ran.code == 0
    listed = dict(re.findall(r"^│ ([\w-]+) {2,}(\S.*?) *│$", ran.out, re.MULTILINE))
    assert set(_TABLE) <= set(listed)
    assert all(text.endswith(".") for name, text in listed.items() if name in _TABLE)


def test_alone_it_shows_its_help(pullsecret: Command) -> None:
    ran = pullsecret()
    assert ran.code == 0
    assert "Usage: pullsecret COMMAND" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(command: str, pullsecret: Command) -> None:
    ran = pullsecret(*command.split(), "--help")
    assert ran.code == 0
    assert f"Usage: pullsecret {command}" in ran.out
    assert "For example:" in ran.out
    assert re.search(rf"pullsecret {command}\b", ran.out.partition("For example:")[2])


@pytest.mark.parametrize("command", ["demo", "run", "explain", "config validate", "adapter", "job"])
def test_exit_codes_are_told_where_they_matter(command: str, pullsecret: Command) -> None:
    assert re.search(r"\bExits\s+0", pullsecret(*command.split(), "--help").out)


def test_the_version_is_told(pullsecret: Command) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", pullsecret("--version").out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dmeo"], "demo"),
        (["demo", "--clusters", "0"], "Must be >= 1"),
        (["demo", "--clusters", "many"], "many"),
        (["demo", "--faults", "wild"], 'Choose from: "none", "light", "heavy"'),
        (["demo", "--seeed", "1"], "--seed"),
        (["run", "--clusters", "x"], "--events"),
        (["explain"], "--cluster"),
        (["config", "validate"], "--file"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], told: str, pullsecret: Command
) -> None:
    ran = pullsecret(*arguments)
    assert ran.code == 2
    assert told in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_the_program_itself_ends_with_the_commands_code(program: Command) -> None:
    assert program("config", "schema").json["type"] == "object"
    assert program("config", "validate", "/no/such/file").code == 2
