"""AC9: Performance."""

from typing import Final

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, When, Where, check, require
from tests.acceptance.delays import most_at_once, process_seconds, quantile
from tests.acceptance.world import AcceptanceWorld

AT_ONCE: Final = 100
MEGABYTE: Final = 1_000_000
_JOB_P95: Final = "histogram_quantile(0.95, pullsecret_job_duration_seconds_bucket)"
_MEMORY: Final = 'max(container_memory_usage_bytes{pod=~"pullsecret-.*"}) / 1024 / 1024'
_GOOGLE_P95: Final = "histogram_quantile(0.95, sum by (le) (pullsecret_gcp_api_call_duration_seconds_bucket))"
_EVENTS: Final = "pullsecret_event_duration_seconds"


@check(
    "AC9.1",
    "The design's PromQL over all jobs of the run, the hundred at once among them. Beside it, how long "
    "their processes lived, from their container's start to its end: those of the burst share this "
    "machine's cores and give way to all else, where a cluster grants each what it asks for; the others "
    "must end within the limit too.",
    when=When.AFTER_THE_FLEET,
)
async def job_duration(world: AcceptanceWorld) -> Finding:
    fleet = await scenes.fleet(world)
    cluster = await scenes.created(world)
    told = await world.prometheus.number(_JOB_P95)
    burst = {each.id for each in fleet.clusters}
    others = process_seconds(world, {each.id for each in world.clusters} - burst)
    require(others, f"no job but the burst's, not even that of {cluster.id}")
    lived = quantile(others, 0.95)
    hurried = quantile(process_seconds(world, burst), 0.95)
    figure = (
        f"p95 {told:.2f} s of {len(others) + len(burst)} jobs; processes: p95 {lived:.1f} s of {len(others)} "
        f"outside of the burst, {hurried:.0f} s of {len(burst)} at once"
    )
    require(told < 30 and lived < 30, figure)
    return Finding(figure, "limit 30 s")


@check(
    "AC9.2",
    "From taking an event off the broker to telling the broker what became of it, for every event of the "
    "run, the burst of the fleet among them. The adapter takes 4 at a time (`events.concurrency`); with the "
    "default of 50 they share one process' time and each takes longer.",
    when=When.AFTER_THE_FLEET,
)
async def event_duration(world: AcceptanceWorld) -> Finding:
    await scenes.fleet(world)
    total = await world.prometheus.number(f"{_EVENTS}_count")
    within = await world.prometheus.number(f'{_EVENTS}_bucket{{le="2.0"}}')
    p95 = await world.prometheus.number(f"histogram_quantile(0.95, {_EVENTS}_bucket)")
    figure = f"{within:.0f} of {total:.0f} events within 2 s, p95 {p95:.2f} s"
    waited = await world.prometheus.number("histogram_quantile(0.95, pullsecret_event_age_seconds_bucket)")
    require(total >= world.fleet_size and within == total, figure)
    return Finding(figure, f"in the burst they wait in the broker before, p95 {waited:.0f} s")


@check(
    "AC9.3",
    "The peak of resident memory (VmHWM) of every job process of the run, by the node.",
    when=When.AFTER_THE_FLEET,
)
async def memory(world: AcceptanceWorld) -> Finding:
    await scenes.fleet(world)
    peaks = [finding.ended.peak_rss / MEGABYTE for finding in world.node.findings]
    figure = f"largest {max(peaks):.0f} MB, median {quantile(peaks, 0.5):.0f} MB, of {len(peaks)} jobs"
    require(0 < max(peaks) <= 100, figure)
    return Finding(figure, "limit 100 MB")


@check(
    "AC9.4",
    "More than a hundred clusters are announced in one burst and may all have their job at once; each must "
    "end well. How many ran at the same time is told by the adapter's own gauge, and by the node for the "
    "processes.",
    when=When.AFTER_THE_FLEET,
)
async def at_once(world: AcceptanceWorld) -> Finding:
    fleet = await scenes.fleet(world)
    told = await world.prometheus.number('max_over_time(pullsecret_in_flight{kind="job-running"}[10m])')
    lived = most_at_once(world)
    figure = (
        f"{told:.0f} jobs running at once, {lived} of their processes; "
        f"{len(fleet.clusters)} clusters in {fleet.seconds:.0f} s"
    )
    require(told >= AT_ONCE, figure)
    failed = [each.id for each in fleet.clusters if world.condition(each)[0] != "True"]
    require(not failed, f"{len(failed)} clusters of the fleet failed")
    return Finding(figure, "all available")


@check(
    "AC9.5",
    "The 95th percentile of all calls to Google's APIs that jobs made, from the histogram.",
    where=Where.ANY_CLOUD,
    when=When.AFTER_THE_FLEET,
)
async def google_calls(world: AcceptanceWorld) -> Finding:
    await scenes.created(world)
    await scenes.updated(world)
    await world.prometheus.caught_up()
    p95 = await world.prometheus.number(_GOOGLE_P95)
    calls = await world.prometheus.number("sum(pullsecret_gcp_api_call_duration_seconds_count)")
    require(calls >= 20 and p95 < 2, f"p95 {p95:.3f} s of {calls:.0f} calls")
    return Finding(f"p95 {p95:.3f} s of {calls:.0f} calls", "limit 2 s")


@check(
    "AC9.validation",
    "Both PromQL expressions, letter by letter, at a real Prometheus that scraped the adapter and, in place"
    " of a kubelet, the test node.",
    when=When.AFTER_THE_FLEET,
)
async def promql(world: AcceptanceWorld) -> Finding:
    await scenes.fleet(world)
    seconds = await world.prometheus.number(_JOB_P95)
    mebibytes = await world.prometheus.number(_MEMORY)
    figure = f"{seconds:.2f} (expected: < 30); {mebibytes:.1f} (expected: < 100)"
    require(seconds < 30 and mebibytes < 100, figure)
    return Finding(figure)
