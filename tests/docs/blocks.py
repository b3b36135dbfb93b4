"""The fenced blocks of the documents."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)


@attrs.frozen
class Block:
    """One fenced block and where it stands."""

    page: str
    line: int
    language: str
    text: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell or console block, continued lines joined."""
        lines = [line.strip() for line in self.text.replace("\\\n", " ").splitlines()]
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        return prompted or [
            line.strip() for line in lines if line.strip() and not line.strip().startswith("#")
        ]


def blocks(*languages: str) -> list[Block]:
    """All blocks in one of ``languages``, page by page."""
    return [block for page in PAGES for block in _of(page) if block.language in languages]


def _of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    for match in _FENCE.finditer(text):
        indent = len(match["indent"])
        body = "".join(line[indent:] for line in match["text"].splitlines(keepends=True))
        yield Block(name, text.count("\n", 0, match.start()) + 1, match["language"], body)
