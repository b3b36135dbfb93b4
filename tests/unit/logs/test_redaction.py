"""Whatever shape a credential comes in, nothing of it is left in a log line."""

import base64
import json
import re
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.infrastructure.logs.redaction import (
    REDACTED,
    describe_exception,
    disarm,
    redact,
    redact_value,
)

PASSWORD = "kJ8sVq2Lw9ZpXt4R"
BASIC = base64.b64encode(f"robot$acme:{PASSWORD}".encode()).decode()
DOCKERCONFIGS = {
    "both registries": {
        "auths": {
            "registry.redhat.io": {"auth": BASIC, "email": "owner@example.com"},
            "quay.io": {"username": "acme+robot", "password": PASSWORD, "auth": BASIC},
        }
    },
    "identity token": {
        "auths": {"quay.io": {"auth": BASIC, "identitytoken": PASSWORD, "registrytoken": PASSWORD}},
        "credsStore": "desktop",
    },
    "legacy dockercfg": {"registry.redhat.io": {"auth": BASIC, "email": "owner@example.com"}},
    "quotes in the password": {"auths": {"quay.io": {"username": "u", "password": f'a"b\\{PASSWORD}'}}},
    "quotes in a legacy password": {
        "quay.io": {"username": "u", "password": f'a"b\\"{PASSWORD}', "email": ""}
    },
}
FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "JSON in JSON": json.dumps,
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "in a sentence": lambda text: f"request body was {text}, status 400",
    "as an environment variable": lambda text: f"PULL_SECRET_DATA={text}",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "URL-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "Kubernetes secret": lambda text: json.dumps(
        {"kind": "Secret", "data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()}}
    ),
    "YAML": lambda text: f"data:\n  .dockerconfigjson: {base64.b64encode(text.encode()).decode()}\n",
    "indented": lambda text: json.dumps(json.loads(text), indent=2),
}


def remains(text: str, secret: str) -> bool:
    """True if eight characters in a row of ``secret`` can be read in ``text``, plain or in base64."""
    encoded = [base64.b64encode(b"x" * shift + secret.encode()).decode()[4:-4] for shift in range(3)]
    wanted = [secret, *encoded]
    return any(part[at : at + 8] in text for part in wanted for at in range(max(1, len(part) - 7)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("document", DOCKERCONFIGS)
def test_nothing_of_a_dockerconfig_is_left(document: str, form: str) -> None:
    text = FORMS[form](json.dumps(DOCKERCONFIGS[document]))
    shown = redact(text)
    assert REDACTED in shown
    assert not remains(shown, PASSWORD)
    assert not remains(shown, BASIC)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "part", ["a", "-", '"', "\\", "auth", "aB", "{ ", 'auth: "', '\\"', "secret-", "-----BEGIN ", "https://"]
)
def test_a_long_text_does_not_take_hours(part: str) -> None:
    assert redact(part * (100_000 // len(part)) + f' "password": "{PASSWORD}"').count(PASSWORD) == 0


@given(start=st.integers(0, 300), length=st.integers(24, 400))
def test_no_fragment_of_an_encoded_dockerconfig_is_left(start: int, length: int) -> None:
    whole = base64.b64encode(json.dumps(DOCKERCONFIGS["both registries"]).encode()).decode()
    fragment = whole[start : start + length]
    if len(fragment) >= 24:
        assert fragment not in redact(f"unexpected end at {fragment}")


TOKENS = {
    "bearer": f"Authorization: Bearer {PASSWORD}",
    "lower-case bearer": f"authorization: bearer {PASSWORD}",
    "bearer alone": f"sent 'Bearer {PASSWORD}' twice",
    "basic": f"Authorization: Basic {BASIC}",
    "header tuple": f"[(b'authorization', b'Bearer {PASSWORD}')]",
    "JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ." + PASSWORD * 4,
    "Google access token": f"ya29.c.{PASSWORD}",
    "form": f"grant_type=x&subject_token={PASSWORD}&scope=y",
    "JSON": json.dumps({"access_token": PASSWORD, "expires_in": 3600}),
    "private key": f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}\n-----END PRIVATE KEY-----\n",
    "half a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{PASSWORD}",
    "escaped private key": json.dumps({"private_key": f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}"}),
    "OpenShift token": f"sha256~{PASSWORD}{PASSWORD}",
    "GitHub token": f"ghp_{PASSWORD}{PASSWORD}",
    "YAML password": f"password: {PASSWORD}",
    "client secret": f"client_secret={PASSWORD}",
    "repr of a dict": repr({"password": PASSWORD}),
    "URL with a password": f"GET https://robot:{PASSWORD}@quay.io/v2/ failed",
    "URL with a quoted password": f"amqps://u:{urllib.parse.quote('/' + PASSWORD, safe='')}@rabbit:5671/v",
    "URL with a user only": f"https://{PASSWORD}@quay.io/v2/",
    "URL with a query": f"https://x.example/a?access_token={PASSWORD}&b=1",
}


@pytest.mark.parametrize("shape", TOKENS)
def test_nothing_of_a_token_is_left(shape: str) -> None:
    shown = redact(TOKENS[shape])
    assert REDACTED in shown
    assert not remains(shown, PASSWORD)


def test_what_stands_around_a_credential_stays() -> None:
    assert redact(f"GET https://u:{PASSWORD}@quay.io/v2/: 503") == f"GET https://{REDACTED}@quay.io/v2/: 503"


@pytest.mark.parametrize(
    "line",
    [
        "add-version projects/customer-prod-12345/secrets/hyperfleet-cls-abc123-pull-secret: denied.",
        "Grant secretmanager.versions.access to pullsecret-manager@customer.iam.gserviceaccount.com.",
        "Job pullsecret-cls-0b3f6c1e-93a4-4a0e-8c6a-2f1d1c9b7a10-gen12 released",
        "Cluster secret clusters-cls-123/cls-123-pull-secret drifted: deleted",
        "Rename that secret, or set spec.pullSecret.secretName to another name.",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Circuit to hyperfleet-api is half-open",
        'cloudProvider == "gcp" && gcpProjectId != nil is not true',
        "Bind the job's identity (roles/iam.workloadIdentityUser).",
        "https://hyperfleet-api.hyperfleet-system.svc:8000/api/hyperfleet/v1/clusters/cls-1",
        "projects/1234567890/locations/global/workloadIdentityPools/pool/providers/cluster",
    ],
)
def test_ordinary_lines_are_left_alone(line: str) -> None:
    assert redact(line) == line


@given(st.text())
def test_any_text_is_taken_and_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text() | st.from_regex("(auth|password|token|uthorisation| ){1,9}"))
def test_a_disarmed_text_alarms_no_scanner(text: str) -> None:
    """The design's own check of logs."""
    assert not re.search("auth|password|token", disarm(text))


def test_a_disarmed_text_can_be_read() -> None:
    assert (
        disarm("Check api.tokenFile: 'auth' is not base64.") == "Check api.to*enFile: 'au*h' is not base64."
    )


def test_values_of_any_type_are_redacted() -> None:
    value = {
        "body": json.dumps(DOCKERCONFIGS["both registries"]).encode(),
        "headers": [("Authorization", f"Bearer {PASSWORD}")],
        "nested": {"password": PASSWORD, "count": 3, "ok": True, "none": None},
        "error": ValueError(PASSWORD),
    }
    shown = redact_value(value)
    assert not remains(json.dumps(shown), PASSWORD)
    assert shown["nested"] == {"password": REDACTED, "count": 3, "ok": True, "none": None}


def test_an_exception_chain_tells_types_and_places_only() -> None:
    def inner() -> None:
        raise KeyError(PASSWORD)

    try:
        try:
            inner()
        except KeyError as cause:
            raise ValueError(f"bad document {PASSWORD}") from cause
    except ValueError as error:
        error.add_note(PASSWORD)
        described = describe_exception(error)
    assert not remains(described, PASSWORD)
    newest, oldest = described.split(" from ")
    assert newest.startswith("ValueError at ")
    assert oldest.startswith("KeyError at ")


def test_a_circular_exception_chain_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert describe_exception(first) == "ValueError from KeyError"
