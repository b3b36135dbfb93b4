"""A canary password in every payload is seen nowhere, whatever is wrong with it and whatever fails."""

import base64
import io
import json
import pickle
import traceback
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullsecret.domain.facts import Fact
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.embedded import EmbeddedService, NotSettledError
from pullsecret.infrastructure.hyperfleet.render import render_ddr, render_v1
from pullsecret.infrastructure.logs.settings import LogSettings
from pullsecret.infrastructure.logs.telemetry import LogTelemetry, new_logger
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.sentinel import MemorySentinel
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld
from pullsecret.ports.telemetry import Telemetry

CANARY = "c4n4ry-W0rd-7f3a9e"
ENCODED = base64.b64encode(f"robot:{CANARY}".encode()).decode()


def traces(word: str) -> set[str]:
    """The forms in which ``word`` could come to light: as it is, and in base64 at each of its offsets."""
    found = {word}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + word.encode()).decode()
        found.add(encoded[4 if offset else 0 : -4])
    return found


TRACES = {*traces(CANARY), ENCODED[6:-6]}


def leaks(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


GOOD = json.dumps(
    {"auths": {"quay.io": {"auth": ENCODED}, "r.example.com": {"username": "u", "password": CANARY}}}
)
PAYLOADS: dict[str, Any] = {
    "good": GOOD,
    "good as an object": json.loads(GOOD),
    "no JSON": GOOD[:-2],
    "not UTF-8": GOOD + "\ud800",
    "no registry": json.dumps({"auths": {}, "password": CANARY}),
    "no base64": json.dumps({"auths": {"quay.io": {"auth": CANARY}}}),
    "no colon": json.dumps({"auths": {"quay.io": {"auth": base64.b64encode(CANARY.encode()).decode()}}}),
    "entry of the wrong kind": json.dumps({"auths": {"quay.io": CANARY}}),
    "no object": json.dumps([CANARY]),
    "the same key twice": GOOD.replace("r.example.com", "quay.io"),
    "too large": json.dumps({"auths": {"quay.io": {"auth": ENCODED, "pad": CANARY * 5000}}}),
    "nested too deeply": '{"auths":' + "[" * 5000 + json.dumps(CANARY) + "]" * 5000 + "}",
    "a list": [CANARY],
}

POINTS = [
    "*.*",
    "cluster-catalog.get",
    "status-sink.post",
    "event-source.*",
    "job-runner.*",
    "secret-store.*",
    "secret-store.add-version",
    "cluster-secrets.*",
]
RULES = st.lists(
    st.builds(
        FaultRule,
        st.sampled_from(POINTS),
        st.sampled_from([Fault.FAIL, Fault.LOSE_ANSWER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER]),
        st.integers(1, 12),
    ),
    max_size=4,
)


@attrs.frozen
class Tee:
    """Says every fact to several."""

    to: tuple[Telemetry, ...]

    def record(self, fact: Fact) -> None:
        for telemetry in self.to:
            telemetry.record(fact)


class Exploding:
    """Fails in a way that nobody foresaw, quoting what it was given."""

    def __init__(self, inner: Any, calls: int) -> None:
        self._inner, self._calls = inner, calls

    async def add_version(self, ref: object, payload: SecretPayload) -> str:
        if self._calls:
            self._calls -= 1
            raise RuntimeError(f"cannot store {payload} {payload!r} {payload.reveal()!r}")
        version: str = await self._inner.add_version(ref, payload)
        return version

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def document(cluster_id: str, payload: object) -> dict[str, Any]:
    return {
        "id": cluster_id,
        "generation": 1,
        "spec": {"provider": "gcp", "gcp": {"projectId": "customer-1"}, "pullSecret": {"data": payload}},
        "status": {
            "adapters": {
                "validation": {"available": "True"},
                "dns": {"available": "True"},
                "placement": {"available": "True", "data": {"namespace": "clusters-1"}},
            }
        },
    }


def play(world: EmbeddedWorld, payloads: Iterable[object], telemetry: Telemetry, explode: bool) -> None:
    world.cloud.project("customer-1")
    world.control_plane.namespaces.add("clusters-1")
    for number, payload in enumerate(payloads):
        world.hyperfleet.put(document(f"cls-{number}", payload))
    build = embedded_adapter(Configuration.default(), world, telemetry)

    def build_exploding() -> Any:
        adapter = build()
        if explode:
            run_job = adapter.jobs.run_job
            broken = attrs.evolve(run_job, store=Exploding(run_job.store, 1))
            object.__setattr__(adapter.jobs, "run_job", broken)
        return adapter

    async def live() -> None:
        sentinel = MemorySentinel(world.hyperfleet, world.broker, world.clock, world.faults)
        async with EmbeddedService(world, build_exploding, sentinel).running() as service:
            try:
                await service.settle(1800)
            except NotSettledError:
                return

    run_simulated(live())


def pickles(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        try:
            yield pickle.dumps(value).decode("latin-1")
        except TypeError as refused:
            yield str(refused)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(sorted(PAYLOADS)), min_size=1, max_size=4),
    RULES,
    st.booleans(),
    st.integers(0, 99),
)
def test_no_log_line_fact_status_repr_or_pickle_shows_it(
    kinds: list[str], rules: list[FaultRule], explode: bool, seed: int
) -> None:
    world = EmbeddedWorld.create(seed, rules)
    json_lines, console = io.StringIO(), io.StringIO()
    loggers = [
        LogTelemetry(new_logger(LogSettings(level="debug", format="json"), json_lines)),
        LogTelemetry(new_logger(LogSettings(level="debug", format="console"), console)),
    ]
    play(world, [PAYLOADS[kind] for kind in kinds], Tee((*loggers, world.telemetry)), explode)

    reports = world.hyperfleet.told
    jobs = world.jobs.all()
    seen = {
        "JSON log": json_lines.getvalue(),
        "console log": console.getvalue(),
        "facts": "\n".join(f"{fact!r} {fact}" for fact in world.telemetry.facts),
        "statuses": json.dumps([render(report) for report in reports for render in (render_ddr, render_v1)]),
        "repr of the world": repr(world),
        "pickles": "\n".join(pickles([*world.telemetry.facts, *reports, *jobs, world, world.jobs.orders])),
        "dead letters": repr(world.broker.dead_letters),
    }
    assert json_lines.getvalue()
    assert {name: leaks(text) for name, text in seen.items()} == {name: [] for name in seen}


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_no_command_shows_it(kind: str, tmp_path: Path) -> None:
    from pullsecret.entrypoints.cli import _command_line

    cluster, event = tmp_path / "cluster.json", tmp_path / "event.json"
    cluster.write_text(json.dumps(document("cls-1", PAYLOADS[kind])))
    data = {"clusterId": "cls-1", "provider": "gcp"}
    about = {"specversion": "1.0", "id": "1", "source": "s", "type": "cluster.create", "data": data}
    event.write_text(json.dumps(about))
    for arguments in (
        ["run", "--clusters", str(cluster), "--events", str(event)],
        ["explain", "--cluster", str(cluster)],
        ["explain", "--cluster", str(cluster), "--event", str(event), "--output", "json"],
        # A file in the wrong place is quoted nowhere either.
        ["explain", "--cluster", str(event), "--event", str(cluster)],
        ["run", "--clusters", str(event), "--events", str(cluster)],
        ["config", "validate", str(cluster)],
    ):
        shown = io.StringIO()
        with redirect_stdout(shown), redirect_stderr(shown), suppress(SystemExit):
            _command_line(arguments[0])(arguments)
        assert shown.getvalue()
        assert leaks(shown.getvalue()) == [], arguments


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_no_traceback_shows_it_even_with_the_values_of_all_variables(kind: str) -> None:
    from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster, sealed
    from pullsecret.domain.errors import OperationError
    from pullsecret.domain.provisioning import provision_order

    cluster, _ = read_cluster(sealed(document("cls-1", PAYLOADS[kind]), DDR_PATHS), DDR_PATHS)
    assert leaks(repr(cluster)) == []
    raised: OperationError | None = None
    try:
        shown = repr(provision_order(cluster))
    except OperationError as error:
        raised = error
    if raised is not None:
        told = traceback.TracebackException.from_exception(raised, capture_locals=True)
        # The frame of this test knows the payloads; those of the service must not.
        shown = "".join(told.format()).partition("in provision_order")[2] + f"{raised} {raised!r}"
        assert "InvalidPullSecret" in str(raised.reason)
    assert shown
    assert leaks(shown) == []


def test_the_traces_would_be_found() -> None:
    for text in (GOOD, f"x{CANARY}", base64.b64encode(GOOD.encode()).decode(), ENCODED):
        assert leaks(text), text
