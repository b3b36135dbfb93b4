"""What stands where Google answers may be something else, such as a proxy's page."""

from typing import Any

import pytest
from tests.unit.gcp.answering_server import answering

from pullsecret.domain.errors import PermanentError
from pullsecret.infrastructure.gcp.identity.credential import Credential
from pullsecret.infrastructure.gcp.identity.impersonation import ImpersonatedServiceAccount
from pullsecret.infrastructure.gcp.project_services import NotAnsweredError, ProjectServices

QUOTA_OF_NO_NUMBER = {
    "consumerQuotaLimits": [{"unit": "1/min/{project}", "quotaBuckets": [{"effectiveLimit": "many"}]}]
}
FORMLESS = pytest.raises(NotAnsweredError, match="not of the documented form")
DISABLED = {"reason": "SERVICE_DISABLED"}


class Ourselves:
    async def fetch(self) -> Credential:
        return Credential("bearer", 600.0)

    async def member(self) -> str:
        return "serviceAccount:us"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("text", "add-iam-policy-binding"),
        ({"details": None}, "add-iam-policy-binding"),
        ({"details": {"reason": "SERVICE_DISABLED"}}, "add-iam-policy-binding"),
        ({"details": [None, "text", {"reason": None}]}, "add-iam-policy-binding"),
        ({"details": [DISABLED]}, "services enable iamcredentials.googleapis.com --project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": None}]}, "--project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": {"consumer": None}}]}, "--project=PROJECT"),
        ({"details": [{**DISABLED, "metadata": {"consumer": "projects/12"}}]}, "--project=12"),
    ],
)
async def test_a_refusal_of_any_form_is_told(error: Any, remedy: str) -> None:
    with answering(403, {"error": error}) as settings:
        source = ImpersonatedServiceAccount(Ourselves(), "a@b", "customer", settings)
        with pytest.raises(PermanentError) as raised:
            await source.fetch()
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    "metrics",
    [1, ["text"], [{"consumerQuotaLimits": None}], [{"consumerQuotaLimits": [None]}], [QUOTA_OF_NO_NUMBER]],
)
async def test_quotas_of_another_form_are_no_answer(metrics: Any) -> None:
    with answering(200, {"metrics": metrics}) as settings, FORMLESS:
        await ProjectServices(settings, Credential("bearer", 600.0)).request_quotas("customer")


async def test_permissions_of_another_form_are_no_answer() -> None:
    with answering(200, {"permissions": 7}) as settings, FORMLESS:
        await ProjectServices(settings, Credential("bearer", 600.0)).held_permissions("customer", ["a"])
