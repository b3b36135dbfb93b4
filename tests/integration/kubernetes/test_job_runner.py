"""The job runner on real Jobs: the contract, and what only Kubernetes can do to a job."""

import pytest
from tests.integration.kubernetes.job_harness import ObedientJobs

from pullsecret.testing.contracts import JobRunnerContract

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


class TestContract(JobRunnerContract):
    @pytest.fixture
    async def harness(self, jobs: ObedientJobs) -> ObedientJobs:
        return jobs
