"""Writes the pages of ``docs/`` made from the program: ``python -m pullsecret.entrypoints.documents``.

``make docs-generate`` runs it; a test keeps each page equal to what is generated.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.infrastructure.metrics.reference import metrics_page

_REASONS_INTRODUCTION = """\
# Condition reasons

Every condition that is told to the HyperFleet API carries one of these reasons, and nothing else. Names never
change their meaning; alerts and scripts may rely on them. This page is generated from
`src/pullsecret/domain/reasons.py` by `make docs-generate`.
"""

_OUTLOOKS = {
    Outlook.SUCCESS: ("Success", "The condition tells of something that worked."),
    Outlook.PROGRESS: ("Progress", "Nothing failed; the work goes on, or waits for something else."),
    Outlook.TRANSIENT: ("Transient", "The adapter tries again by itself, with growing pauses."),
    Outlook.PERMANENT: ("Permanent", "The same attempt cannot succeed until somebody changes something."),
}


def reasons_page() -> str:
    """The table of all condition reasons, by outlook."""
    sections = [_REASONS_INTRODUCTION]
    for outlook, (title, meaning) in _OUTLOOKS.items():
        rows = [
            f"| `{reason.value}` | {reason.outlook.value} | {reason.meaning} | {reason.remedy or '–'} |"
            for reason in Reason
            if reason.outlook is outlook
        ]
        header = ["| Reason | Outlook | Meaning | What to do |", "|---|---|---|---|"]
        sections.append("\n".join([f"## {title}", "", meaning, "", *header, *rows, ""]))
    return "\n".join(sections)


GENERATED_PAGES: Mapping[str, Callable[[], str]] = {"reasons.md": reasons_page, "metrics.md": metrics_page}
"""Each generated page's file name in ``docs/``, and what makes its text."""


def write_pages(folder: Path) -> None:
    """Write every generated page into ``folder``."""
    for name, page in GENERATED_PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
