"""Draws the figures of ``docs/measurements.md``."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from benchmarks.report import words
from matplotlib import pyplot as plt


def draw_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Each number of the rows over their first column, which is a size or a name."""
    first, *others = rows[0]
    drawn = [key for key in others if isinstance(rows[0][key], int | float)]
    across = min(3, len(drawn))
    down = math.ceil(len(drawn) / across)
    figure, axes = plt.subplots(down, across, figsize=(4 * across, 2.6 * down), squeeze=False)
    sizes = [row[first] for row in rows]
    for axis in axes.flat[len(drawn) :]:
        axis.set_visible(False)
    for axis, key in zip(axes.flat, drawn, strict=False):
        values = [row.get(key) for row in rows]
        if isinstance(sizes[0], int | float):
            axis.plot(sizes, values, marker="o")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_xlabel(words(first))
        else:
            axis.barh([str(size) for size in sizes], values)
        axis.set_title(words(key), fontsize=9)
    _save(figure, path)


def draw_distribution(key: str, numbers: Sequence[float], path: Path) -> None:
    """Which share of the numbers is at most so large."""
    figure, axis = plt.subplots(figsize=(5, 3))
    axis.ecdf(numbers)
    axis.set_xlabel(words(key))
    axis.set_ylabel("share")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "pullsecret"}):
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
