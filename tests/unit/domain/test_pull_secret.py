"""Which documents are pull secrets, and how one that is not is told without quoting it."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.pull_secret import MAX_PULL_SECRET_BYTES, PullSecret
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_payload import SecretPayload

AUTH = base64.b64encode(b"user:password").decode()


def document(entry: object, registry: str = "quay.io") -> bytes:
    return json.dumps({"auths": {registry: entry}}).encode()


def fault(data: bytes) -> str:
    with pytest.raises(PermanentError) as caught:
        PullSecret(data)
    error = caught.value
    assert error.operation == "validate-pull-secret"
    assert error.subject == "pull secret"
    assert error.reason is Reason.INVALID_PULL_SECRET
    assert error.remedy == "Correct the pull secret in the cluster spec."
    return error.cause


ACCEPTED: list[Any] = [
    {"auth": AUTH},
    {"auth": AUTH, "email": "someone@example.com", "unknown": [1, None, {"deep": True}]},
    {"auth": AUTH[:8] + "\n" + AUTH[8:] + "\r\n"},
    {"username": "user", "password": "password"},
    {"auth": "", "username": "user", "password": "password"},
    {"auth": None, "username": "user", "password": "password"},
    {"auth": AUTH, "username": "", "password": None},
]


@pytest.mark.parametrize("entry", ACCEPTED)
def test_a_usable_entry_is_accepted_and_kept_byte_for_byte(entry: Any) -> None:
    data = b" \r\n\t" + document(entry) + b"\n"
    secret = PullSecret(data)
    assert isinstance(secret, SecretPayload)
    assert secret.reveal() == data


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("text", "the entry is not an object."),
        (None, "the entry is not an object."),
        ([], "the entry is not an object."),
        ({}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"auth": ""}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"username": "u"}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"password": "p"}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"username": "", "password": "p"}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"username": "u", "password": ""}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"username": "u", "password": 7}, "it has neither 'auth' nor both 'username' and 'password'."),
        ({"auth": 7}, "'auth' is not a string."),
        ({"auth": False}, "'auth' is not a string."),
        ({"auth": {}}, "'auth' is not a string."),
        ({"auth": "%%%"}, "'auth' is not base64."),
        ({"auth": "\n"}, "'auth' is not base64."),
        ({"auth": "YQ"}, "'auth' is not base64."),
        ({"auth": "YQ=="  "YQ=="}, "'auth' is not base64."),
        ({"auth": "Y Q=="}, "'auth' is not base64."),
        ({"auth": "-_8="}, "'auth' is not base64."),
        ({"auth": "ÄÄÄÄ"}, "'auth' is not base64."),
        ({"auth": "\ud800"}, "'auth' is not base64."),
    ],
)  # fmt: skip
def test_an_unusable_entry_is_named_with_what_is_wrong(entry: object, problem: str) -> None:
    assert fault(document(entry)) == f"Registry 'quay.io': {problem}"


def test_each_entry_is_looked_at() -> None:
    both = {"auths": {"quay.io": {"auth": AUTH}, "registry.redhat.io": {"auth": "!"}}}
    assert fault(json.dumps(both).encode()) == "Registry 'registry.redhat.io': 'auth' is not base64."


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "It is not JSON."),
        (b"{", "It is not JSON."),
        (b"{'auths': {}}", "It is not JSON."),
        (document({"auth": AUTH}) + b"x", "It is not JSON."),
        (b"\xef\xbb\xbf" + document({"auth": AUTH}), "It is not JSON."),
        (b'{"auths": {"q": {"auth": "YQ=="}}, "n": NaN}', "It is not JSON."),
        (b'{"auths": {"q": {"auth": "YQ=="}}, "n": Infinity}', "It is not JSON."),
        (b'{"auths": {"q": {"auth": "YQ=="}}, "n": -Infinity}', "It is not JSON."),
        (b'{"auths": {"q": {"auth": "YQ=="}}, "n": 01}', "It is not JSON."),
        (b'{"auths": {"q": {"auth": "YQ==\n"}}}', "It is not JSON."),
        (b"\xff", "It is not UTF-8 text."),
        (document({"auth": AUTH}).decode().encode("utf-16"), "It is not UTF-8 text."),
        (b'{"auths": {"\xed\xa0\x80": {"auth": "YQ=="}}}', "It is not UTF-8 text."),
        (b"[" * 60_000, "It is nested too deeply."),
        (b"[]", "It is not a JSON object."),
        (b'"auths"', "It is not a JSON object."),
        (b"null", "It is not a JSON object."),
        (b"{}", "It has no 'auths' object."),
        (b'{"auths": []}', "It has no 'auths' object."),
        (b'{"auths": null}', "It has no 'auths' object."),
        (b'{"Auths": {"q": {"auth": "YQ=="}}}', "It has no 'auths' object."),
        (b'{"auths": {}}', "Its 'auths' object names no registry."),
        (b'{"auths": {"q": {"auth": "YQ=="}, "q": {"auth": "YQ=="}}}', "It names the same key twice."),
        (b'{"auths": {"q": {"auth": "YQ==", "auth": "YQ=="}}}', "It names the same key twice."),
        (
            b'{"auths": {"q": {"auth": "YQ=="}}, "x": [{"a": 1, "\\u0061": 1}]}',
            "It names the same key twice.",
        ),
    ],
)
def test_a_document_that_is_no_pull_secret_is_refused(data: bytes, problem: str) -> None:
    assert fault(data) == problem


def test_numbers_of_any_length_are_json() -> None:
    data = b'{"auths": {"q": {"auth": "YQ=="}}, "n": ' + b"9" * 5000 + b"}"
    assert PullSecret(data).reveal() == data


def test_the_size_limit_is_secret_managers() -> None:
    assert MAX_PULL_SECRET_BYTES == 65_536
    shortest = document({"auth": AUTH})
    assert PullSecret(shortest.ljust(MAX_PULL_SECRET_BYTES)).size == 65_536
    assert fault(shortest.ljust(MAX_PULL_SECRET_BYTES + 1)) == (
        "It has 65537 bytes; Secret Manager takes at most 65536."
    )


@pytest.mark.parametrize(
    ("registry", "shown"),
    [
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
        ("https://user:hunter2@quay.io/v2", "quay.io/v2"),
        ("a\nb\x1b[31m\ud800c", "a?b?[31m?c"),
        ("", ""),
        ("r" * 100, "r" * 100),
        ("r" * 101, "r" * 100 + "..."),
    ],
)
def test_a_registry_is_shown_printable_short_and_without_credentials(registry: str, shown: str) -> None:
    assert fault(document("x", registry)) == f"Registry '{shown}': the entry is not an object."


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {}, optional={"auth": json_values, "username": json_values, "password": json_values}
)
documents = st.fixed_dictionaries({}, optional={"auths": st.dictionaries(st.text(), entries | json_values)})


@given(st.binary() | (documents | json_values).map(lambda value: json.dumps(value).encode()))
def test_what_is_accepted_is_a_pull_secret_and_kept(data: bytes) -> None:
    with suppress(PermanentError):
        assert PullSecret(data).reveal() == data
        assert json.loads(data)["auths"]


@given(st.dictionaries(st.text(min_size=1), st.binary(min_size=1).map(base64.b64encode), min_size=1))
def test_every_base64_auth_of_every_registry_is_accepted(auths: dict[str, bytes]) -> None:
    entries = {registry: {"auth": auth.decode()} for registry, auth in auths.items()}
    data = json.dumps({"auths": entries}, ensure_ascii=False).encode()
    assert PullSecret(data).reveal() == data
