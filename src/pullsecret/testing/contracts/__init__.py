"""The definition of each port, as a class of tests to subclass.

An implementation fulfils a port if and only if a subclass of the port's suite passes with its fixtures filled
in. The suites need pytest and pytest-asyncio.
"""

from pullsecret.testing.contracts.cluster_catalog import ClusterCatalogContract
from pullsecret.testing.contracts.cluster_secrets import ClusterSecretsContract
from pullsecret.testing.contracts.event_source import EventSourceContract, EventSourceHarness
from pullsecret.testing.contracts.job_runner import JobRunnerContract, JobRunnerHarness
from pullsecret.testing.contracts.secret_store import SecretStoreContract
from pullsecret.testing.contracts.status_sink import StatusSinkContract

__all__ = [
    "ClusterCatalogContract",
    "ClusterSecretsContract",
    "EventSourceContract",
    "EventSourceHarness",
    "JobRunnerContract",
    "JobRunnerHarness",
    "SecretStoreContract",
    "StatusSinkContract",
]
