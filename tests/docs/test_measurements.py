"""The page of measurements says what the committed results say."""

from pathlib import Path

from benchmarks import report

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "measurements.md").read_text() == report.page(), "run `python -m benchmarks.report`"


def test_every_plot_is_there() -> None:
    shown = {line.split("](")[1].rstrip(")") for line in report.page().splitlines() if line.startswith("![")}
    assert len(shown) > 3
    assert [path for path in shown if not (DOCS / path).is_file()] == []
