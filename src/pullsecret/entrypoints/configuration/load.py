"""Loads a configuration from a file and the environment."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from pullsecret.entrypoints.configuration.keys import ENVIRONMENT_PREFIX, environment_name, is_text, leaves
from pullsecret.entrypoints.configuration.problems import ConfigurationError, Problem
from pullsecret.entrypoints.configuration.settings import Configuration
from pullsecret.entrypoints.configuration.structure import structure
from pullsecret.entrypoints.configuration.yaml_file import YamlFile, read_yaml, scalar, show

MAX_BYTES = 1_048_576


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """Load ``path`` (None: the defaults), overridden by ``PULLSECRET__...`` variables of ``environ``.

    Raises :class:`ConfigurationError` with everything that is wrong at once: unknown keys with the nearest
    valid one, wrong values, and expressions that do not compile, each with its place.
    """
    source = "environment" if path is None else str(path)
    file = YamlFile() if path is None else _read(path)
    overridden, wrong_names = _override(file, environ)
    problems = [*file.problems, *wrong_names]
    if file.value is not None or not file.problems:
        configuration, more = structure(file)
        if configuration is not None and not problems:
            return configuration
        problems += [_where_it_came_from(problem, overridden) for problem in more]
    raise ConfigurationError(sorted(problems, key=_in_file_order), source)


def _in_file_order(problem: Problem) -> tuple[bool, int, int]:
    at = problem.position
    return (False, at.line, at.column) if at else (True, 0, 0)


def _read(path: Path) -> YamlFile:
    try:
        with path.open("rb") as file:
            # No further, since there are files without an end.
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            problem = f"the file is larger than {MAX_BYTES} bytes"
        else:
            return read_yaml(data.decode())
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    raise ConfigurationError([Problem("", problem)], str(path))


def _where_it_came_from(problem: Problem, overridden: Mapping[str, str]) -> Problem:
    """A wrong value that the environment gave has no place in the file."""
    name = overridden.get(problem.path)
    return problem if name is None else attrs.evolve(problem, path=name, position=None)


def _override(file: YamlFile, environ: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Lay the environment's values over the file's.

    Returns which variable gave each overridden key, and what the environment names wrongly.
    """
    known = {environment_name(path): (path, kind) for path, kind in leaves(Configuration)}
    overridden: dict[str, str] = {}
    problems: list[Problem] = []
    for name in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        if name in known:
            path, kind = known[name]
            _put(file, path, environ[name] if is_text(kind) else scalar(environ[name]))
            overridden[show(path)] = name
        else:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else ""
            problems.append(Problem(name, "unknown environment variable", hint=hint))
    return overridden, problems


def _put(file: YamlFile, path: tuple[str, ...], value: Any) -> None:
    if file.value is None:
        file.value = {}
    node = file.value
    for key in path[:-1]:
        if not isinstance(node, dict):
            return  # the file's own problem is told
        node = node.setdefault(key, {})
    if isinstance(node, dict):
        node[path[-1]] = value
