"""The fake's audit log: who did what to whose secrets."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.infrastructure.gcp.call_meter import CallMeter
from pullsecret.infrastructure.gcp.secret_store import open_secret_store
from pullsecret.infrastructure.system_clock import SystemClock
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.customer import Customer, onboard

AUDITOR = "user:auditor@example.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def entries(cloud: FakeGoogleCloud, project: str, text: str) -> tuple[int, Any]:
    bearer = cloud.world.credentials.issue(AUDITOR, cloud.world.clock.now(), 60, [SCOPE])
    body = {"resourceNames": [f"projects/{project}"], "filter": text, "orderBy": "timestamp desc"}
    request = urllib.request.Request(
        f"{cloud.endpoints.rest}/v2/entries:list",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {bearer}", "content-type": "application/json"},
    )
    trust = ssl.create_default_context(cadata=cloud.authority.certificate.decode())
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def create(customer: Customer, name: str) -> None:
    async with open_secret_store(customer.settings, SystemClock(), CallMeter()) as store:
        ref = CloudSecretRef(customer.project, name)
        await store.create(ref, ownership_labels(ClusterId("cls-1")), StoragePolicy())
        await store.get(ref)


async def test_it_tells_who_called(closed_google_cloud: FakeGoogleCloud, tmp_path: Path) -> None:
    cloud = closed_google_cloud
    customers = [onboard(cloud, tmp_path, project) for project in ("customer-a", "customer-b")]
    for customer in customers:
        await create(customer, "hyperfleet-cls-1-pull-secret")
    wanted = 'protoPayload.authenticationInfo.principalEmail:"pullsecret-manager@"'
    status, refused = entries(cloud, "customer-a", wanted)
    assert (status, refused["error"]["status"]) == (403, "PERMISSION_DENIED")
    cloud.world.grant("customer-a", AUDITOR, "roles/logging.privateLogViewer")
    status, found = entries(cloud, "customer-a", wanted)
    assert status == 200
    payloads = [entry["protoPayload"] for entry in found["entries"]]
    # Newest first, and nothing of the other customer's.
    assert [each["methodName"].rpartition(".")[2] for each in payloads] == ["GetSecret", "CreateSecret"]
    assert {each["authenticationInfo"]["principalEmail"] for each in payloads} == {
        "pullsecret-manager@customer-a.iam.gserviceaccount.com"
    }
    none = f'{wanted} AND protoPayload.resourceName:"another-secret"'
    assert entries(cloud, "customer-a", none) == (200, {"entries": []})
    later = found["entries"][0]["timestamp"]
    assert len(entries(cloud, "customer-a", f'{wanted} AND timestamp>="{later}"')[1]["entries"]) == 1
    assert entries(cloud, "customer-a", "severity>=ERROR")[0] == 400
