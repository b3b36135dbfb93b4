"""The HyperFleet ports over HTTP and TLS, in both dialects, against the served fake."""

from collections.abc import Awaitable, Callable

import pytest
from tests.integration.hyperfleet.conftest import api, certificates, dialect, fake, settings

from pullsecret.domain.cluster import Cluster
from pullsecret.domain.identifiers import ClusterId
from pullsecret.infrastructure.hyperfleet.api import HyperFleetApi
from pullsecret.ports.cluster_catalog import ClusterCatalog
from pullsecret.ports.status_sink import StatusSink
from pullsecret.testing.contracts import ClusterCatalogContract, StatusSinkContract
from pullsecret.testing.contracts.cluster_catalog import PutCluster
from pullsecret.testing.contracts.status_sink import Believed
from pullsecret.testing.hyperfleet.neighbours import report_as
from pullsecret.testing.hyperfleet.records import Dialect, Report
from pullsecret.testing.hyperfleet.server import FakeHyperFleet
from pullsecret.testing.hyperfleet.specs import cluster_spec

__all__ = ["api", "certificates", "dialect", "fake", "settings"]


def put_cluster(
    fake: FakeHyperFleet, cluster_id: ClusterId, spec: dict[str, object], generation: int
) -> None:
    """Create or replace it, at exactly this generation."""
    if cluster_id.value not in fake.store.clusters:
        fake.store.create(spec, cluster_id=cluster_id.value)
    record = fake.store.patch(cluster_id.value, spec)
    record.generation = generation
    fake.store.patch(cluster_id.value, None)


class TestHttpClusterCatalog(ClusterCatalogContract):
    """ClusterCatalog over HTTP."""

    @pytest.fixture
    def catalog(self, api: HyperFleetApi) -> ClusterCatalog:
        return api.catalog

    @pytest.fixture
    def put(self, fake: FakeHyperFleet, dialect: Dialect) -> PutCluster:
        async def put(cluster: Cluster) -> None:
            given = cluster.pull_secret is not None
            spec = (
                cluster_spec(
                    dialect,
                    project=cluster.project or "",
                    pull_secret=cluster.pull_secret.reveal().decode() if cluster.pull_secret else "",
                    provider=cluster.provider or "",
                    secret_name=cluster.secret_name,
                )
                if given
                else {}
            )
            put_cluster(fake, cluster.id, spec, cluster.generation)
            if cluster.namespace is not None:
                data = {"namespace": cluster.namespace}
                report_as(fake.store, cluster.id.value, "placement", available="True", data=data)

        return put

    @pytest.fixture
    def put_malformed(self, fake: FakeHyperFleet, dialect: Dialect) -> Callable[[ClusterId], Awaitable[str]]:
        async def put(cluster_id: ClusterId) -> str:
            ddr = dialect is Dialect.DDR
            spec = {"gcp": {"projectId": 5}} if ddr else {"platform": {"gcp": {"projectID": 5}}}
            put_cluster(fake, cluster_id, spec, 1)
            return "spec.gcp.projectId" if ddr else "spec.platform.gcp.projectID"

        return put


class TestHttpStatusSink(StatusSinkContract):
    """StatusSink over HTTP."""

    @pytest.fixture
    def sink(self, api: HyperFleetApi) -> StatusSink:
        return api.status

    @pytest.fixture
    def put_cluster(self, fake: FakeHyperFleet) -> Callable[[ClusterId, int], Awaitable[None]]:
        async def put(cluster_id: ClusterId, generation: int) -> None:
            put_cluster(fake, cluster_id, {"number": generation}, generation)

        return put

    @pytest.fixture
    def believed(self, fake: FakeHyperFleet) -> Callable[[ClusterId], Awaitable[Believed | None]]:
        async def believed(cluster_id: ClusterId) -> Believed | None:
            report = fake.store.get(cluster_id.value).reports.get("pullsecret")
            if report is None:
                return None
            return Believed(
                _triple(report, "Applied"),
                _triple(report, "Available"),
                _triple(report, "Health"),
                {key: str(value) for key, value in (report.data or {}).items()},
            )

        return believed


def _triple(report: Report, type_: str) -> tuple[str, str, str]:
    condition = report.condition(type_)
    assert condition is not None
    return condition.status, condition.reason, condition.message
