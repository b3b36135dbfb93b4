"""Runs checks in a world, one after the other."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.acceptance.boxes import groups
from tests.acceptance.checks import Check, NotMetError, Where, checks
from tests.acceptance.report import ELSEWHERE, Result, Verdict
from tests.acceptance.world import AcceptanceWorld

CHECK_PATIENCE = 330.0
"""Seconds for one check, the longest scene included."""
_NOTES: Mapping[Where, str] = {
    Where.REAL_CLOUD: f"`{ELSEWHERE}` runs it; rehearsed here",
    Where.PERSON: "somebody has to read it",
}

Progress = Callable[[Result], None]


class UnknownBoxError(Exception):
    """A box was asked for that is not there."""


def select(only: Sequence[str], real_cloud: bool) -> Sequence[Check]:
    """The checks of the boxes named by ``only`` (``AC5``, ``AC5.4``), or all.

    In a real cloud only those that look at it. Those that look back at the run are last. Raises
    :class:`UnknownBoxError`.
    """
    boxes = [box.id for group in groups() for box in group.all]
    known = checks()
    for name in only:
        if not any(_named(box, name) for box in boxes):
            raise UnknownBoxError(f"{name} is no acceptance criterion; AC1 to AC10, or a box such as AC5.4")
    chosen = [known[box] for box in boxes if not only or any(_named(box, name) for name in only)]
    if real_cloud:
        chosen = [each for each in chosen if each.where in (Where.ANY_CLOUD, Where.REAL_CLOUD)]
    return sorted(chosen, key=lambda each: each.when.value)


async def run_checks(
    world: AcceptanceWorld, chosen: Iterable[Check], real_cloud: bool, progress: Progress
) -> Mapping[str, Result]:
    """Carry out every check, whatever the others find; results in the design's order."""
    results = {}
    for each in chosen:
        result = await _run(world, each, real_cloud)
        progress(result)
        results[each.box] = result
    order = [box.id for group in groups() for box in group.all]
    return {box: results[box] for box in order if box in results}


async def _run(world: AcceptanceWorld, check: Check, real_cloud: bool) -> Result:
    began = time.monotonic()
    figure = evidence = note = ""
    try:
        async with asyncio.timeout(CHECK_PATIENCE):
            found = await check.work(world)
    except NotMetError as not_met:
        verdict, figure = Verdict.FAIL, str(not_met)
    except Exception as error:  # a check that breaks has shown nothing
        verdict, figure = Verdict.FAIL, f"{type(error).__name__}: {error}"[:600]
    else:
        figure, evidence = found.figure, found.evidence
        note = "" if real_cloud and check.where is not Where.PERSON else _NOTES.get(check.where, "")
        verdict = Verdict.NOT_RUN if note else Verdict.PASS
    seconds = round(time.monotonic() - began, 1)
    return Result(check.box, check.how, check.name, verdict, figure, evidence, seconds, note)


def _named(box: str, name: str) -> bool:
    return box == name or box.partition(".")[0] == name
