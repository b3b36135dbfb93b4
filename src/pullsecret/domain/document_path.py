"""Paths into a JSON document, such as ``status.conditions[type=DnsSuccessful].status``.

A segment is a key; ``[key=value]`` after it selects the first item of a list whose ``key`` is ``value``.
"""

import re
from collections.abc import Mapping
from typing import Any

import attrs

_SEGMENT = re.compile(r"(?P<key>[^.\[\]=]+)(?:\[(?P<field>[^.\[\]=]+)=(?P<wanted>[^\[\]=]+)\])?\Z")
_SPLIT = re.compile(r"\.(?![^\[]*\])")
_MAPPINGS = (dict, Mapping)
"""What JSON gives comes first: whether anything else is a mapping takes long to find out."""


@attrs.frozen
class _Segment:
    key: str
    field: str | None
    wanted: str | None

    def step(self, node: object) -> Any:
        if not isinstance(node, _MAPPINGS):
            return None
        child = node.get(self.key)
        if self.field is None:
            return child
        return self._select(child)

    def _select(self, items: object) -> Any:
        if not isinstance(items, list):
            return None
        for item in items:
            if isinstance(item, Mapping) and item.get(self.field) == self.wanted:
                return item
        return None

    def replace(self, node: Mapping[str, Any], change: Any) -> dict[str, Any]:
        child = node[self.key]
        if self.field is None:
            return {**node, self.key: change(child)}
        selected = self._select(child)
        return {**node, self.key: [change(item) if item is selected else item for item in child]}


def _segments(text: str) -> tuple[_Segment, ...]:
    matches = [_SEGMENT.match(part) for part in _SPLIT.split(text)]
    if not all(matches):
        raise ValueError(f"{text!r} is not a path like 'spec.gcp.projectId' or 'items[name=x].value'")
    return tuple(_Segment(m["key"], m["field"], m["wanted"]) for m in matches if m)


@attrs.frozen
class DocumentPath:
    """A path; raises :class:`ValueError` if ``text`` is none."""

    text: str
    _segments: tuple[_Segment, ...] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(lambda self: _segments(self.text), True)
    )

    def find(self, document: Mapping[str, Any]) -> Any:
        """The value at the path; None if any part of the way is not there."""
        node: Any = document
        for segment in self._segments:
            node = segment.step(node)
            if node is None:
                return None
        return node

    def replaced(self, document: Mapping[str, Any], value: object) -> Mapping[str, Any]:
        """The document with the value at the path replaced; itself if nothing is there."""
        if self.find(document) is None:
            return document

        def descend(node: Any, rest: tuple[_Segment, ...]) -> Any:
            if not rest:
                return value
            return rest[0].replace(node, lambda child: descend(child, rest[1:]))

        result: Mapping[str, Any] = descend(document, self._segments)
        return result

    def __str__(self) -> str:
        return self.text
