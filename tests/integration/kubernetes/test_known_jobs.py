"""What the copy of the jobs may be relied on for while the watch behind it says nothing."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import attrs
import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs, eventually

from pullsecret.domain.jobs import AnyJob
from pullsecret.domain.provisioning import Queued, Running
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.api import MERGE_PATCH, Answer, KubernetesApi, Object
from pullsecret.infrastructure.kubernetes.job_runner import KubernetesJobRunner
from pullsecret.infrastructure.kubernetes.job_settings import JobTimes
from pullsecret.infrastructure.kubernetes.paths import job_path, secret_path
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.ports.job_runner import Busy, Existing, Submitted
from pullsecret.testing.contracts.job_runner import SUCCESS, next_finished
from pullsecret.testing.contracts.samples import new_order
from pullsecret.testing.kubernetes.system import System

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


class DeafApi(KubernetesApi):
    """Hears of no change."""

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, Object]]:
        await asyncio.Event().wait()
        yield "", {}


@asynccontextmanager
async def following(
    jobs: ObedientJobs, api: KubernetesApi, times: JobTimes | None = None
) -> AsyncIterator[tuple[KubernetesJobRunner, AsyncGenerator[AnyJob, None]]]:
    """A replica that reaches the API server by ``api``, and the ends that are brought to it."""
    settings = jobs.settings if times is None else attrs.evolve(jobs.settings, times=times)
    runner = KubernetesJobRunner(api, settings, MemoryTelemetry())
    async with asyncio.timeout(jobs.patience), aclosing(runner.finished()) as finished:
        yield runner, finished


async def test_a_newer_job_that_no_watch_told_of_is_known_when_an_end_is_brought(
    jobs: ObedientJobs, system: System
) -> None:
    older = new_order()
    newer = new_order(older.target.cluster_id, generation=2)
    await end(jobs, older)
    async with DeafApi(await system.connect()) as api, following(jobs, api) as (deaf, finished):
        assert (await anext(finished)).key == older.key
        assert isinstance(await jobs.runner.submit(newer), Submitted)
        known = await deaf.known(older.target.cluster_id)
        assert {job.key for job in known} == {older.key, newer.key}


class HeldApi(KubernetesApi):
    """Hears of changes only while ``tell`` is set, and begins to list Jobs only while ``go_on`` is."""

    lists = 0
    """How often it began, or would have."""

    def __init__(self, configuration: Any) -> None:
        super().__init__(configuration)
        self.tell, self.go_on = asyncio.Event(), asyncio.Event()
        self.tell.set()
        self.go_on.set()

    async def watch(self, *arguments: Any, **options: Any) -> AsyncGenerator[tuple[str, Object]]:
        async with aclosing(super().watch(*arguments, **options)) as events:
            async for event in events:
                await self.tell.wait()
                yield event

    async def pages(self, path: str, **options: Any) -> AsyncGenerator[tuple[list[Object], str]]:
        if path.endswith("/jobs"):
            self.lists += 1
            await self.go_on.wait()
        async for page in super().pages(path, **options):
            yield page


async def test_who_took_up_an_end_long_ago_knows_what_another_replica_made_of_it_since(
    jobs: ObedientJobs, system: System
) -> None:
    older = new_order()
    newer = new_order(older.target.cluster_id, generation=2)
    await end(jobs, older)
    times = JobTimes(remind=3.0)
    async with HeldApi(await system.connect()) as api, following(jobs, api, times) as (late, finished):
        assert (await anext(finished)).key == older.key
        # Its own mark is the last that it hears of.
        assert {job.key for job in await late.known(older.target.cluster_id)} == {older.key}
        api.tell.clear()
        assert isinstance(await jobs.runner.submit(newer), Submitted)
        await asyncio.sleep(times.remind)
        known = await late.known(older.target.cluster_id)
        assert {job.key for job in known} == {older.key, newer.key}


async def test_while_all_jobs_are_read_in_nobody_reads_them_once_more(
    jobs: ObedientJobs, system: System
) -> None:
    queued, ended = new_order(), new_order()
    await jobs.runner.submit(queued)
    await end(jobs, ended)
    async with HeldApi(await system.connect()) as api, following(jobs, api) as (runner, finished):
        api.go_on.clear()
        first_end = asyncio.ensure_future(anext(finished))
        await eventually(lambda: _holds(api.lists == 1))
        others = asyncio.gather(runner.jobs(), runner.unfinished(), runner.going_again())
        await asyncio.sleep(0.2)
        api.go_on.set()
        every, unfinished, again = await others
        assert {job.key for job in every} == {queued.key, ended.key}
        assert [job.key for job in unfinished] == [queued.key]
        assert list(again) == []
        assert (await first_end).key == ended.key
    assert api.lists == 1


async def _holds(it: bool) -> bool:
    return it


class NotingApi(KubernetesApi):
    """Notes how it asks for Jobs."""

    def __init__(self, configuration: Any) -> None:
        super().__init__(configuration)
        self.asked: list[tuple[str, str]] = []

    async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
        if "/jobs" in path:
            self.asked.append((verb, path))
        return await super().call(verb, path, *arguments, **options)


async def test_sweeping_asks_for_no_job_that_is_known_to_need_its_payload(
    jobs: ObedientJobs, system: System
) -> None:
    working, left = [new_order() for _ in range(3)], new_order()
    for order in working:
        await jobs.runner.submit(order)
    async with NotingApi(await system.connect()) as api, following(jobs, api) as (runner, finished):
        first_end = asyncio.ensure_future(anext(finished))
        await eventually(lambda: _holds(bool(api.asked)))
        assert len(await runner.unfinished()) == len(working)
        await jobs.leave_payload(left)
        api.asked.clear()
        assert await runner.sweep() == 1
        assert api.asked == [("get", job_path(system.namespace, left.key.name))]
        assert [await jobs.payload_kept(order) for order in working] == [True] * len(working)
        first_end.cancel()
        await asyncio.wait([first_end])


async def test_who_waits_to_read_the_jobs_goes_on_once_the_watch_has_told(
    jobs: ObedientJobs, system: System
) -> None:
    orders = [new_order() for _ in range(3)]
    for order in orders:
        await end(jobs, order)
    times = JobTimes(remind=60.0)
    async with HeldApi(await system.connect()) as api, following(jobs, api, times) as (runner, finished):
        api.tell.clear()
        keys = {(await anext(finished)).key for _ in orders}
        api.go_on.clear()
        known = asyncio.gather(*(runner.known(key.cluster_id) for key in keys))
        # One reads meanwhile, and the others wait for their turn.
        await eventually(lambda: _holds(api.lists == 2))
        assert not known.done()
        api.tell.set()
        assert {job.key for (job,) in await known} == keys
    assert api.lists == 2


class MeddlingApi(KubernetesApi):
    """Changes the first Job that is taken up just before its mark is written; the watch tells of that, and
    another Job is taken up, before it is."""

    meddled = False

    async def call(self, verb: str, path: str, body: Object | None = None, **options: Any) -> Answer:
        if marks.CLAIM in str(body):
            first, self.meddled = not self.meddled, True
            if first:
                change = {"metadata": {"annotations": {"pullsecret.test/meddled": "yes"}}}
                await super().call("patch", path, change, content_type=MERGE_PATCH)
            await asyncio.sleep(1.0 if first else 0.5)
        return await super().call(verb, path, body, **options)


async def test_an_end_that_changed_while_it_was_taken_up_is_brought_at_once(
    jobs: ObedientJobs, system: System
) -> None:
    orders = [new_order(), new_order()]
    for order in orders:
        await end(jobs, order)
    # Reminders would come too late.
    times = JobTimes(remind=10 * jobs.patience)
    brought = set()
    async with MeddlingApi(await system.connect()) as api, following(jobs, api, times) as (_, finished):
        while len(brought) < len(orders):
            brought.add((await anext(finished)).key)
    assert brought == {order.key for order in orders}


async def test_what_a_replica_did_itself_it_knows_before_the_watch_tells_of_it(
    jobs: ObedientJobs, system: System
) -> None:
    ended, order = new_order(), new_order()
    await end(jobs, ended)
    async with DeafApi(await system.connect()) as api, following(jobs, api) as (deaf, finished):
        await anext(finished)
        await deaf.submit(order)
        (queued,) = await deaf.unfinished()
        assert (queued.key, queued.state) == (order.key, Queued())
        await deaf.release(order.key)
        (running,) = await deaf.unfinished()
        assert (running.key, running.state) == (order.key, Running())


async def test_an_older_generation_is_refused_after_a_newer_one_that_no_watch_told_of(
    jobs: ObedientJobs, system: System, admin: KubernetesApi
) -> None:
    ended, newer = new_order(), new_order(generation=2)
    older = new_order(newer.target.cluster_id)
    await end(jobs, ended)
    async with DeafApi(await system.connect()) as api:
        deaf = KubernetesJobRunner(api, jobs.settings, MemoryTelemetry())
        async with asyncio.timeout(2 * jobs.patience), aclosing(deaf.finished()) as finished:
            await anext(finished)
            await jobs.finish(newer, SUCCESS)
            assert await deaf.known(newer.target.cluster_id) == []
            answer = await deaf.submit(older)
            assert isinstance(answer, Busy)
            assert answer.job.key == newer.key
            assert await deaf.submit(newer) == Existing(answer.job)
    (job,) = await jobs.runner.jobs(newer.target.cluster_id)
    assert job.key == newer.key
    assert (await admin.list(secret_path(system.namespace), labels=marks.OUR_JOBS))[0] == []


class CountingApi(KubernetesApi):
    """Notes what is asked of it."""

    def __init__(self, configuration: Any) -> None:
        super().__init__(configuration)
        self.verbs: list[str] = []

    async def call(self, verb: str, path: str, *arguments: Any, **options: Any) -> Answer:
        self.verbs.append(verb)
        return await super().call(verb, path, *arguments, **options)


async def test_who_watches_hands_over_without_reading_the_jobs(jobs: ObedientJobs, system: System) -> None:
    ended, order = new_order(), new_order()
    await end(jobs, ended)
    async with CountingApi(await system.connect()) as api:
        # No reminder, mark or claim comes in between.
        times = JobTimes(remind=10 * jobs.patience)
        async with following(jobs, api, times) as (watching, finished):
            await anext(finished)
            await eventually(lambda: payload_gone(jobs, ended))
            api.verbs.clear()
            assert await watching.known(order.target.cluster_id) == []
            assert isinstance(await watching.submit(order), Submitted)
            assert api.verbs == ["create", "create", "patch"]
            (job,) = await watching.known(order.target.cluster_id)
            assert job.key == order.key


async def payload_gone(jobs: ObedientJobs, order: Any) -> bool:
    return not await jobs.payload_kept(order)


async def test_of_an_end_that_another_replica_told_first_nothing_is_kept(
    jobs: ObedientJobs, system: System
) -> None:
    order = new_order()
    await end(jobs, order)

    class Slow(KubernetesApi):
        """Whatever is asked for, the other replica tells the end before a mark's answer is there."""

        async def call(self, verb: str, path: str, body: Object | None = None, **options: Any) -> Answer:
            answer = await super().call(verb, path, body, **options)
            if marks.CLAIM in str(body):
                await jobs.runner.mark_reported(order.key)
                await asyncio.sleep(1.0)
            return answer

    async with Slow(await system.connect()) as api, following(jobs, api) as (runner, finished):
        await anext(finished)
        # Nothing that can be asked of the runner shows it: it is memory that would never be given back.
        assert runner._ended is not None
        ended = runner._ended
        await eventually(lambda: _holds(not ended._claimed))


async def test_a_told_end_is_marked_although_others_wait_to_be_taken_up(jobs: ObedientJobs) -> None:
    # Reminded of soon, so that the wait is a short one.
    runner = attrs.evolve(jobs.runner, settings=attrs.evolve(jobs.settings, times=JobTimes(remind=1.0)))
    orders = [new_order() for _ in range(3)]
    for order in orders:
        await end(jobs, order)
    async with asyncio.timeout(jobs.patience), aclosing(runner.finished()) as finished:
        told = await anext(finished)
        await runner.mark_reported(told.key)
    (marked,) = await jobs.runner.jobs(told.key.cluster_id)
    assert attrs.asdict(marked.state)["reported"]
    with pytest.raises(TimeoutError):
        await next_finished(jobs.another_replica(), told.key, 3.0)


async def end(jobs: ObedientJobs, order: Any) -> None:
    """Submit, release and end the order's job; returns once it has ended."""
    await jobs.runner.submit(order)
    await jobs.runner.release(order.key)
    await eventually(lambda: jobs.started(order.key))
    await jobs.end(order.key, SUCCESS)

    async def ended() -> bool:
        (job,) = await jobs.runner.jobs(order.target.cluster_id)
        return not job.active

    await eventually(ended)
