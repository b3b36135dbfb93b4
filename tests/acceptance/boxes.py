"""The design's acceptance criteria: every box and every validation, with the design's own words."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

CRITERIA: Final = Path(__file__).parent / "criteria" / "acceptance-criteria.md"
"""The design's section "Acceptance Criteria", letter by letter."""

_GROUP = re.compile(r"^### (?P<id>AC\d+): (?P<title>.+)$", re.MULTILINE)
_BOX = re.compile(r"^- \[ \] (?P<text>.+)$", re.MULTILINE)
_VALIDATION = re.compile(r"^\*\*Validation\*\*:\n(?P<text>.+?)\s*(?:^---$|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## Acceptance Criteria\n.*?(?=^---$|^## |\Z)", re.MULTILINE | re.DOTALL)


@attrs.frozen
class Box:
    """One thing that the design wants shown."""

    id: str
    """``AC5.4`` is the fourth box of AC5; ``AC5.validation`` what the design would run to see it;
    ``AC10.v2`` the second of several."""
    text: str


@attrs.frozen
class Group:
    """One acceptance criterion."""

    id: str
    title: str
    boxes: Sequence[Box]
    validations: Sequence[Box]

    @property
    def all(self) -> Sequence[Box]:
        """Boxes, then validations."""
        return [*self.boxes, *self.validations]


def groups(text: str | None = None) -> Sequence[Group]:
    """The criteria in ``text``, by default in :data:`CRITERIA`."""
    text = CRITERIA.read_text(encoding="utf-8") if text is None else text
    heads = list(_GROUP.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [_group(head, text[head.end() : end]) for head, end in zip(heads, ends, strict=True)]


def section(design: str) -> str:
    """The part of a whole design document that :data:`CRITERIA` is a copy of."""
    found = _SECTION.search(design)
    return found[0] if found else ""


def _group(head: re.Match[str], body: str) -> Group:
    boxes = [Box(f"{head['id']}.{n}", found["text"]) for n, found in enumerate(_BOX.finditer(body), 1)]
    return Group(head["id"], head["title"], boxes, _validations(head["id"], body))


def _validations(group: str, body: str) -> Sequence[Box]:
    found = _VALIDATION.search(body)
    if found is None:
        return []
    items = re.findall(r"^- (.+)$", found["text"], re.MULTILINE)
    if not found["text"].startswith("```") and items:
        return [Box(f"{group}.v{number}", text) for number, text in enumerate(items, 1)]
    return [Box(f"{group}.validation", found["text"].strip())]
