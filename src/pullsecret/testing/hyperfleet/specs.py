"""Cluster specs as each dialect keeps them."""

from typing import Any

from pullsecret.testing.hyperfleet.records import Dialect


def cluster_spec(
    dialect: Dialect,
    *,
    project: str,
    pull_secret: str,
    provider: str = "gcp",
    region: str = "us-central1",
    secret_name: str | None = None,
) -> dict[str, Any]:
    """A spec with what the pull secret service reads from it."""
    secret = {"data": pull_secret} | ({"secretName": secret_name} if secret_name else {})
    if dialect is Dialect.DDR:
        return {
            "provider": provider,
            "gcp": {"projectId": project, "region": region},
            "pullSecret": secret,
        }
    return {
        "platform": {"type": provider, "gcp": {"projectID": project, "region": region}},
        "pullSecret": secret,
    }
