"""Reads YAML into plain values, remembering where each one stands."""

from typing import Any

import attrs
import yaml

from pullsecret.entrypoints.configuration.problems import Position, Problem

MAX_DEPTH = 50

Path = tuple[str | int, ...]


@attrs.define
class YamlFile:
    """The values of a file, where each stands, and what is wrong with its form."""

    value: Any = None
    positions: dict[Path, Position] = attrs.field(factory=dict)
    problems: list[Problem] = attrs.field(factory=list)

    def place(self, path: Path, node: yaml.Node) -> None:
        """Note where ``path`` stands, unless that is known: a key's place is better than its value's."""
        if at := _at(node.start_mark):
            self.positions.setdefault(path, at)

    def position(self, path: Path) -> Position | None:
        """Where ``path`` stands, or the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if found := self.positions.get(path[:length]):
                return found
        return None


def read_yaml(text: str) -> YamlFile:
    """Read one document. Aliases are refused: a small file could stand for gigabytes."""
    file = YamlFile()
    try:
        if refused := _refused(text):
            file.problems.append(refused)
            return file
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "Indent with spaces; YAML takes no tabs." if r"'\t'" in str(error.problem) else ""
        file.problems.append(Problem("", f"not YAML: {error.problem}", _at(mark), hint))
    except (yaml.YAMLError, RecursionError):
        file.problems.append(Problem("", "not YAML: unreadable characters or nested too deeply"))
    else:
        file.value = None if node is None else _Reader(file).value(node, ())
    return file


def _refused(text: str) -> Problem | None:
    """What would take far more time or memory than its size lets expect, if anything; found while it is read,
    since YAML's reader itself takes time that grows with the square of the depth."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return Problem("", "aliases (*name) are not allowed", _at(event.start_mark))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > 2 * MAX_DEPTH:
            return Problem("", "nested too deeply", _at(event.start_mark))
    return None


def scalar(text: str) -> Any:
    """What ``text`` would mean as a YAML value; text itself if it is none."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def show(path: Path) -> str:
    """``spec.preconditions[0].when``."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


class _Reader:
    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._loader = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._file.place(path, node)
        if len(path) > MAX_DEPTH:
            self._problem(path, "nested too deeply", node)
        elif isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            try:
                return self._loader.construct_object(node)
            except (yaml.YAMLError, ValueError):
                self._problem(path, "not a value that YAML knows", node)
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self._problem(path, "a key is not text", key_node)
                continue
            here = (*path, key)
            if key in values:
                self._problem(here, "given twice", key_node)
                continue
            self._file.place(here, key_node)
            values[key] = self.value(value_node, here)
        return values

    def _problem(self, path: Path, message: str, node: yaml.Node) -> None:
        self._file.problems.append(Problem(show(path), message, _at(node.start_mark)))


def _at(mark: Any) -> Position | None:
    return None if mark is None else Position(mark.line + 1, mark.column + 1)
