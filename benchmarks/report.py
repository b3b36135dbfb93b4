"""Writes ``docs/measurements.md`` and its plots from ``benchmarks/results/*.json``.

``python -m benchmarks.report``

Nothing on that page is written by hand. A single figure becomes a row; a list of rows becomes a table and a
plot over its first column; a long list of numbers becomes its quantiles and its distribution's plot.
"""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PLOTS = "plots"
_PAGE = "measurements.md"
_MOST_NAMES = 6
_UNITS = {"_bytes": (1e6, "MB"), "_seconds": (1, "s"), "_us": (1, "µs"), "_mb": (1, "MB")}
_HEAD = """# Measurements

Every figure here was measured by the command above it; the page is written from `benchmarks/results/` by
`python -m benchmarks.report`. What they mean for a deployment's size is in
[Performance and sizing](performance.md).
"""


def main() -> None:
    """Write the page and draw every plot."""
    # Only who draws needs it, and it takes the better part of a second.
    from benchmarks import plots

    docs = ROOT / "docs"
    (docs / PLOTS).mkdir(exist_ok=True)
    (docs / _PAGE).write_text(page())
    for result in results():
        for key, rows in drawable(result["figures"]):
            plots.draw_rows(rows, docs / PLOTS / plot_name(result, key))
        for key, numbers in distributions(result["figures"]):
            plots.draw_distribution(key, numbers, docs / PLOTS / plot_name(result, key))


def results() -> list[dict[str, Any]]:
    """All results, by file name; ``file`` is that name without its ending."""
    return [{**json.loads(path.read_text()), "file": path.stem} for path in sorted(RESULTS.glob("*.json"))]


def page() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *(section(result) for result in results())])


def section(result: Mapping[str, Any]) -> str:
    """One result: what was run, on what, and what came out."""
    machine, figures = result["machine"], result["figures"]
    lines = [
        f"## {result['name']}\n",
        f"`{result['command']}`\n",
        f"Commit `{result['commit']}`, {result['measured_at'][:10]}; {machine['cpu']}, "
        f"{machine['cores']} cores, load average {machine['load_average']}, Python {machine['python']}.\n",
    ]
    numbers = [*singles(figures), *quantile_rows(figures)]
    if numbers:
        lines += [
            "| | |\n| --- | --- |",
            *(f"| {words(key)} | {told(key, value)} |" for key, value in numbers),
            "",
        ]
    for _, rows in tables(figures):
        lines.append(table(rows))
    for key, _ in [*drawable(figures), *distributions(figures)]:
        lines.append(f"![{words(key)}]({PLOTS}/{plot_name(result, key)})\n")
    return "\n".join(lines)


def flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure with its whole key."""
    for key, value in figures.items():
        whole = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{whole}: ")
        else:
            yield whole, value


def singles(figures: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The figures that are no lists."""
    return ((key, value) for key, value in flat(figures) if not isinstance(value, list))


def tables(figures: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The lists of rows."""
    for key, value in flat(figures):
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield key, value


def drawable(figures: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The lists of rows that a plot shows well: those by size, and a few by name; one alone needs none."""
    for key, rows in tables(figures):
        if len(rows) == 1:
            continue
        if isinstance(next(iter(rows[0].values())), int | float) or len(rows) <= _MOST_NAMES:
            yield key, rows


def distributions(figures: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[float]]]:
    """The lists of numbers."""
    for key, value in flat(figures):
        if isinstance(value, list) and value and isinstance(value[0], int | float):
            yield key, value


def quantile_rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Median, 95th percentile and largest of each list of numbers."""
    for key, numbers in distributions(figures):
        ordered = sorted(numbers)
        p95 = ordered[int(len(ordered) * 0.95)]
        shown = (told(key, number) for number in (statistics.median(ordered), p95, ordered[-1]))
        yield f"{words(key)}, p50 / p95 / largest of {len(ordered)}", " / ".join(shown)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(words(column) for column in columns) + " |", "| --- " * len(columns) + "|"]
    lines += ["| " + " | ".join(told(column, row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def words(key: str) -> str:
    """A key for people; its unit is told with the value."""
    for unit in _UNITS:
        key = key.removesuffix(unit)
    return key.replace("_", " ")


def told(key: str, value: Any) -> str:
    """A value to three digits, with the unit that its key ends with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if key.endswith("_seconds") and 0 < value < 0.1:
        return f"{_digits(value * 1000)} ms"
    for unit, (divisor, sign) in _UNITS.items():
        if key.endswith(unit):
            return f"{_digits(value / divisor)} {sign}"
    return _digits(value)


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def plot_name(result: Mapping[str, Any], key: str) -> str:
    """The plot's file."""
    return f"{result['file']}-{key}.svg".replace(" ", "-").replace(":", "").replace("_", "-")


if __name__ == "__main__":
    main()
