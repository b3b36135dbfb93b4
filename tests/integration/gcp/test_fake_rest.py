"""The fake's REST surface, as curl or a client without gRPC sees it."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from pullsecret.domain.checksum import crc32c
from pullsecret.testing.gcp.cloud import FakeGoogleCloud


def call(cloud: FakeGoogleCloud, method: str, path: str, body: object = None) -> tuple[int, Any]:
    trust = ssl.create_default_context(cadata=cloud.authority.certificate.decode())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{cloud.endpoints.rest}/v1/{path}", data, method=method)
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, context=trust) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_secret_from_creation_to_deletion(fake_google_cloud: FakeGoogleCloud) -> None:
    cloud = fake_google_cloud
    status, secret = call(
        cloud,
        "POST",
        "projects/rest-project/secrets?secretId=s&alt=json",
        {"replication": {"automatic": {}}, "labels": {"a": "b"}},
    )
    assert (status, secret["labels"]) == (200, {"a": "b"})
    payload = {"data": base64.b64encode(b"hello").decode(), "dataCrc32c": str(crc32c(b"hello"))}
    status, version = call(cloud, "POST", f"{secret['name']}:addVersion", {"payload": payload})
    assert (status, version["state"], version["clientSpecifiedPayloadChecksum"]) == (200, "ENABLED", True)
    _, read = call(cloud, "GET", "projects/rest-project/secrets/s/versions/latest:access")
    assert read == {"name": version["name"], "payload": payload}
    _, updated = call(cloud, "PATCH", f"{secret['name']}?updateMask=labels", {"labels": {"c": "d"}})
    assert updated["labels"] == {"c": "d"}
    _, listed = call(cloud, "GET", "projects/rest-project/secrets?filter=labels.c%3Dd")
    assert [one["name"] for one in listed["secrets"]] == [secret["name"]]
    _, disabled = call(cloud, "POST", f"{version['name']}:disable", {})
    assert disabled["state"] == "DISABLED"
    assert call(cloud, "DELETE", secret["name"]) == (200, {})
    status, gone = call(cloud, "GET", secret["name"])
    assert (status, gone["error"]["status"]) == (404, "NOT_FOUND")


def test_errors_carry_their_details(fake_google_cloud: FakeGoogleCloud) -> None:
    project = fake_google_cloud.world.add_project("rest-project")
    project.disabled_services.add("secretmanager.googleapis.com")
    status, answer = call(fake_google_cloud, "GET", "projects/rest-project/secrets/s")
    assert (status, answer["error"]["code"], answer["error"]["status"]) == (403, 403, "PERMISSION_DENIED")
    reasons = [detail.get("reason") for detail in answer["error"]["details"]]
    assert "SERVICE_DISABLED" in reasons


def test_nonsense_is_refused(fake_google_cloud: FakeGoogleCloud) -> None:
    for body in ({"unknown": 1}, ["not an object"]):
        status, answer = call(fake_google_cloud, "POST", "projects/rest-project/secrets?secretId=s", body)
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert call(fake_google_cloud, "GET", "nonsense")[0] == 404
