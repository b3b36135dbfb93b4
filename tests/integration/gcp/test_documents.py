"""Snippets in the documents about Google Cloud run."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def python_snippets(document: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / document).read_text(), re.DOTALL)


def test_the_snippets_of_the_fake_run() -> None:
    snippets = python_snippets("fake-secret-manager.md")
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, "fake-secret-manager.md", "exec"), {})  # noqa: S102
