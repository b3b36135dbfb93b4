"""``docs/job.md`` lists exactly the variables that a job reads."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pullsecret.infrastructure.job_process.environment import read_environment, read_pull_secret

DOCUMENT = Path(__file__).parents[3] / "docs" / "job.md"
REQUIRED = {
    "CLUSTER_ID": "cls-1",
    "GCP_PROJECT_ID": "customer-prod",
    "MANAGEMENT_NAMESPACE": "clusters-cls-1",
    "PULL_SECRET_DATA": '{"auths": {"quay.io": {"auth": "cm9ib3Q6eA=="}}}',
    "TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
CLEAN_UP = {"CLUSTER_ID": "cls-1", "PURPOSE": "clean-up"}


class Watched(Mapping[str, str]):
    """Variables that remember which of them were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def test_the_page_lists_exactly_what_is_read() -> None:
    variables, of_clean_up = Watched(REQUIRED), Watched(CLEAN_UP)
    read_environment(variables)
    read_pull_secret(variables)
    read_environment(of_clean_up)
    table = DOCUMENT.read_text().partition("## Variables")[2].partition("## How it ends")[0]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    # For the log alone, also where the rest cannot be read.
    assert listed == variables.asked | of_clean_up.asked
