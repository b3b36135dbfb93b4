"""The wire goes wrong: time limits, repetition, refusals, redirects, TLS, and an API that is away."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tests.integration.hyperfleet.conftest import Certificates

from pullsecret.domain.backoff import Backoff
from pullsecret.domain.errors import OperationError, PermanentError, TransientError
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.hyperfleet.api import HyperFleetApi, hyperfleet_api
from pullsecret.infrastructure.hyperfleet.settings import ApiTimeouts, CircuitPolicy, HyperFleetSettings
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.hyperfleet.faults import Cut, Fault
from pullsecret.testing.hyperfleet.records import ClusterRecord, Dialect
from pullsecret.testing.hyperfleet.server import FakeHyperFleet

pytestmark = pytest.mark.parametrize("dialect", [Dialect.DDR])


@pytest.fixture
def cluster(fake: FakeHyperFleet) -> ClusterRecord:
    return fake.store.create({})


class PatientClock(SystemClock):
    """Notes how long it was to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds
        await asyncio.sleep(0)


async def read(settings: HyperFleetSettings, cluster: ClusterRecord, clock: SystemClock) -> None:
    async with hyperfleet_api(settings, clock) as api:
        assert await api.catalog.get(ClusterId(cluster.id)) is not None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=500), id="500"),
        pytest.param(Fault(status=502), id="502"),
        pytest.param(Fault(status=429), id="429"),
        pytest.param(Fault(status=408), id="408"),
        pytest.param(Fault(cut=Cut.BEFORE), id="cut before the answer"),
        pytest.param(Fault(cut=Cut.AFTER_COMMIT), id="cut after the commit"),
        pytest.param(Fault(cut=Cut.IN_BODY), id="cut in the body"),
    ],
)
async def test_a_passing_fault_is_not_seen_by_a_reader(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, fault: Fault
) -> None:
    fake.faults.add(fault, times=2)
    assert await api.catalog.get(ClusterId(cluster.id)) is not None
    assert len(fake.journal) == 3


async def test_a_lasting_fault_is_given_up_as_passing(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=500), times=-1)
    with pytest.raises(TransientError) as raised:
        await api.catalog.get(ClusterId(cluster.id))
    assert raised.value.reason is Reason.HYPERFLEET_UNAVAILABLE
    assert len(fake.journal) == 3


async def test_a_short_retry_after_is_waited_for(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=503, retry_after="2"))
    clock = PatientClock()
    await read(attrs.evolve(settings, retry_pause=Backoff(initial=0.1, maximum=5)), cluster, clock)
    assert clock.slept == [2.0]


@pytest.mark.parametrize("text", ["soon", "-1", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
async def test_a_retry_after_that_makes_no_sense_is_none(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord, text: str
) -> None:
    fake.faults.add(Fault(status=503, retry_after=text))
    assert await api.catalog.get(ClusterId(cluster.id)) is not None


async def test_a_long_retry_after_is_handed_to_the_caller(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=429, retry_after="120"))
    with pytest.raises(TransientError) as raised:
        await api.catalog.get(ClusterId(cluster.id))
    assert raised.value.retry_after == 120.0
    assert len(fake.journal) == 1


@pytest.mark.parametrize(
    ("fault", "timeouts"),
    [
        pytest.param(Fault(delay=5), ApiTimeouts(read=0.1), id="no answer"),
        pytest.param(Fault(dribble=0.05), ApiTimeouts(read=1, total=0.2), id="an answer byte by byte"),
    ],
)
async def test_a_slow_api_costs_no_more_than_the_limit(
    settings: HyperFleetSettings,
    fake: FakeHyperFleet,
    cluster: ClusterRecord,
    fault: Fault,
    timeouts: ApiTimeouts,
) -> None:
    fake.faults.add(fault, times=-1)
    hasty = attrs.evolve(settings, timeouts=timeouts, attempts=1)
    with pytest.raises(TransientError, match="in time"):
        await read(hasty, cluster, SystemClock())
    fake.faults.clear()


async def test_a_redirect_to_another_host_gets_no_token(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("right\n")
    fake.api.tokens = {"right"}
    elsewhere = FakeHyperFleet(Dialect.DDR)
    async with elsewhere.serve() as url:
        fake.faults.add(Fault(status=307, location=f"{url}/clusters/{cluster.id}"))
        with pytest.raises(TransientError, match="another host"):
            await read(attrs.evolve(settings, token_file=token), cluster, SystemClock())
    assert elsewhere.journal == []


async def test_a_redirect_in_circles_ends(
    api: HyperFleetApi, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    fake.faults.add(Fault(status=302, location=f"{fake.url}/clusters/{cluster.id}"), times=-1)
    with pytest.raises(TransientError, match="circles"):
        await api.catalog.get(ClusterId(cluster.id))


async def test_a_token_is_read_again_when_its_file_changes(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    fake.api.tokens = {"first"}
    async with hyperfleet_api(attrs.evolve(settings, token_file=token), SystemClock()) as api:
        assert await api.catalog.get(ClusterId(cluster.id)) is not None
        fake.api.tokens = {"second"}
        # As Kubernetes does it: another file takes the name.
        (tmp_path / "new").write_text("second")
        (tmp_path / "new").rename(token)
        assert await api.catalog.get(ClusterId(cluster.id)) is not None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_passes_however_long_it_lasts(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord, status: int
) -> None:
    """A token that nobody renews over a weekend costs no event and no status."""
    clock = PatientClock()
    fake.faults.add(Fault(status=status), times=2)
    async with hyperfleet_api(settings, clock) as api:
        for _ in range(2):
            with pytest.raises(TransientError) as raised:
                await api.catalog.get(ClusterId(cluster.id))
            assert "api.tokenFile" in raised.value.remedy
            assert str(status) in raised.value.cause
            clock.ahead += 100_000
        assert await api.catalog.get(ClusterId(cluster.id)) is not None


async def test_no_token_and_no_address_shows_in_a_log_or_an_error(
    settings: HyperFleetSettings,
    fake: FakeHyperFleet,
    cluster: ClusterRecord,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = tmp_path / "token"
    token.write_text("canary-token")
    fake.api.tokens = {"other"}
    with caplog.at_level(logging.DEBUG), pytest.raises(TransientError) as raised:
        await read(attrs.evolve(settings, token_file=token), cluster, SystemClock())
    assert "canary-token" not in caplog.text + str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(cut=Cut.BEFORE)], ids=["500", "cut"])
async def test_an_open_circuit_asks_nothing_and_closes_by_itself(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord, fault: Fault
) -> None:
    clock = PatientClock()
    policy = CircuitPolicy(failures=3, pause=Backoff(initial=10, factor=2, maximum=60))
    async with hyperfleet_api(attrs.evolve(settings, circuit=policy, attempts=1), clock) as api:
        fake.faults.add(fault, times=-1)
        for _ in range(3):
            with pytest.raises(TransientError) as raised:
                await api.catalog.get(ClusterId(cluster.id))
        with pytest.raises(TransientError, match="not asked now") as raised:
            await api.catalog.get(ClusterId(cluster.id))
        assert len(fake.journal) == 3
        assert raised.value.retry_after is not None

        clock.ahead += raised.value.retry_after
        with pytest.raises(TransientError):
            await api.catalog.get(ClusterId(cluster.id))
        assert len(fake.journal) == 4

        fake.faults.clear()
        clock.ahead += 120
        assert await api.catalog.get(ClusterId(cluster.id)) is not None
        assert await api.catalog.get(ClusterId(cluster.id)) is not None


async def test_one_probe_at_a_time_while_half_open(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    clock = PatientClock()
    settings = attrs.evolve(settings, circuit=CircuitPolicy(failures=1), attempts=1)
    async with hyperfleet_api(settings, clock) as api:
        fake.faults.add(Fault(status=500))
        with pytest.raises(TransientError):
            await api.catalog.get(ClusterId(cluster.id))
        clock.ahead += 120
        fake.faults.add(Fault(delay=0.1))
        answers = await asyncio.gather(
            *(api.catalog.get(ClusterId(cluster.id)) for _ in range(20)), return_exceptions=True
        )
        assert len(fake.journal) == 2
        assert sum(isinstance(answer, TransientError) for answer in answers) == 19
        assert await api.catalog.get(ClusterId(cluster.id)) is not None


async def test_no_more_requests_at_once_than_allowed(
    settings: HyperFleetSettings, fake: FakeHyperFleet
) -> None:
    clusters = [fake.store.create({}) for _ in range(40)]
    go_on = asyncio.Event()
    fake.faults.add(Fault(until=go_on), times=-1)
    async with hyperfleet_api(attrs.evolve(settings, concurrency=4), SystemClock()) as api:
        reading = asyncio.gather(*(api.catalog.get(ClusterId(cluster.id)) for cluster in clusters))
        await fake.faults.holds(4)
        go_on.set()
        assert all(await reading)
    assert max(exchange.busy for exchange in fake.journal) == 4


async def test_connections_are_used_again(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    async with hyperfleet_api(settings, SystemClock()) as api:
        for _ in range(5):
            assert await api.catalog.get(ClusterId(cluster.id)) is not None
    assert len({exchange.client for exchange in fake.journal}) == 1


async def test_an_api_that_is_not_there_is_a_passing_fault(
    settings: HyperFleetSettings, cluster: ClusterRecord
) -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        await read(attrs.evolve(settings, url="https://127.0.0.1:1"), cluster, SystemClock())


async def test_an_unknown_ca_is_not_trusted(
    settings: HyperFleetSettings, fake: FakeHyperFleet, cluster: ClusterRecord
) -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        await read(attrs.evolve(settings, ca_bundle=None), cluster, SystemClock())
    assert fake.journal == []


async def test_a_client_certificate_is_shown_where_it_is_demanded(
    settings: HyperFleetSettings, certificates: Certificates
) -> None:
    strict = attrs.evolve(certificates.server, client_ca=certificates.ca)
    guarded = FakeHyperFleet(Dialect.DDR)
    cluster = guarded.store.create({})
    async with guarded.serve(tls=strict) as url:
        without = attrs.evolve(settings, url=url)
        with pytest.raises(TransientError):
            await read(without, cluster, SystemClock())
        await read(
            attrs.evolve(
                without,
                client_certificate=certificates.client_certificate,
                client_key=certificates.client_key,
            ),
            cluster,
            SystemClock(),
        )


@pytest.mark.parametrize(
    ("key", "broken"),
    [
        ("api.caBundle", lambda s, f: attrs.evolve(s, ca_bundle=f)),
        ("api.clientKey", lambda s, f: attrs.evolve(s, client_certificate=f, client_key=f)),
    ],
)
async def test_an_unusable_certificate_file_is_named_with_its_key(
    settings: HyperFleetSettings,
    tmp_path: Path,
    key: str,
    broken: Callable[[HyperFleetSettings, Path], HyperFleetSettings],
) -> None:
    file = tmp_path / "broken.pem"
    file.write_text("no certificate")
    with pytest.raises(PermanentError) as raised:
        async with hyperfleet_api(broken(settings, file), SystemClock()):
            pass
    assert raised.value.reason is Reason.WRONG_CONFIGURATION
    assert str(file) in raised.value.subject
    assert key in raised.value.cause


@pytest.mark.parametrize("content", [None, "", "two words", "line\nbreak"])
async def test_a_file_without_a_token_is_named_and_its_content_is_not(
    settings: HyperFleetSettings, cluster: ClusterRecord, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(OperationError) as raised:
        await read(attrs.evolve(settings, token_file=file), cluster, SystemClock())
    assert str(file) in str(raised.value)
    assert not content or content not in str(raised.value)
