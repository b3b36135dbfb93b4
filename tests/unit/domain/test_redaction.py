"""Whatever is done with a payload, its bytes show only where they are asked for with ``reveal``."""

import copy
import io
import json
import logging
import pickle
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pprint import pformat

import attrs
import cattrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from pullsecret.domain.checksum import crc32c
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster, sealed
from pullsecret.domain.cluster_secret import PublishedSecret, cluster_secret
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import provision_order
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.secret_payload import REDACTED, SecretPayload

CANARY = "c4n4ry-passw0rd"
DATA = json.dumps({"auths": {"quay.io": {"username": "user", "password": CANARY}}}).encode()
SECRET = PullSecret(DATA)
CLUSTER = Cluster(
    ClusterId("cls-1"), Generation(1), "gcp", "customer-prod", SecretPayload(DATA), None, "clusters-cls-1"
)

SHOWN: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "f-string": lambda value: f"{value} {value!r} {value!s} {value!a}",
    "percent": lambda value: "%s %r %a" % (value, value, value),  # noqa: UP031
    "pprint": pformat,
    "rich": lambda value: pretty_repr(value, expand_all=True),
    "json": lambda value: json.dumps(value, default=str),
    "logging": lambda value: _logged(value),
    "in a container": lambda value: str([value, {"payload": value}, (value,)]),
}


def _logged(value: object) -> str:
    stream = io.StringIO()
    logger = logging.Logger("redaction")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("%s %r", value, value)
    return stream.getvalue()


def _holders() -> dict[str, object]:
    order = provision_order(CLUSTER)
    version = SecretVersion("1", SECRET, SECRET.crc32c)
    wanted = cluster_secret(order.target, version, datetime(2026, 1, 1, tzinfo=UTC).isoformat())
    found = PublishedSecret(wanted.ref, wanted.labels, wanted.annotations, SECRET, "Opaque", "1")
    return {
        "payload": SecretPayload(DATA),
        "pull secret": SECRET,
        "cluster": CLUSTER,
        "order": order,
        "version": version,
        "cluster secret": wanted,
        "published secret": found,
        "attrs.asdict": attrs.asdict(order),
        "cattrs": cattrs.unstructure(order),
        "sealed document": sealed({"spec": {"pullSecret": {"data": DATA.decode()}}}, DDR_PATHS),
    }


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("holder", _holders().values(), ids=_holders())
def test_no_way_of_showing_shows_the_payload(holder: object, shown: Callable[[object], str]) -> None:
    text = shown(holder)
    assert text
    assert CANARY not in text
    assert "auths" not in text


def test_what_is_shown_instead() -> None:
    assert repr(SECRET) == "PullSecret([redacted])"
    assert repr(SecretPayload(DATA)) == "SecretPayload([redacted])"
    assert str(SECRET) == f"{SECRET}" == REDACTED == "[redacted]"
    assert f"{SECRET:>12}" == "  [redacted]"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol: int) -> None:
    with pytest.raises(TypeError, match=r"^a secret payload is never pickled$"):
        pickle.dumps({"payload": SECRET}, protocol)


def test_its_state_is_not_handed_out() -> None:
    with pytest.raises(TypeError, match=r"^a secret payload is never pickled$"):
        SECRET.__getstate__()
    with pytest.raises(TypeError):
        vars(SECRET)
    with pytest.raises(TypeError):
        bytes(SECRET)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        json.dumps({"payload": SECRET})


def test_a_copy_is_the_payload_itself() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy({"payload": SECRET})["payload"] is SECRET


@given(st.binary(), st.binary())
def test_payloads_are_equal_and_hashed_by_content(one: bytes, other: bytes) -> None:
    assert (SecretPayload(one) == SecretPayload(other)) == (one == other)
    assert SecretPayload(one) == SecretPayload(bytes(one))
    assert hash(SecretPayload(one)) == hash(SecretPayload(bytes(one)))
    assert SecretPayload(one) != one


def test_a_pull_secret_equals_the_payload_it_was_made_from() -> None:
    assert SecretPayload(DATA) == SECRET
    assert {SECRET, SecretPayload(DATA)} == {SECRET}


def test_a_payload_keeps_its_own_copy() -> None:
    buffer = bytearray(DATA)
    secret = SecretPayload(buffer)
    buffer[:] = b"x" * len(buffer)
    assert secret.reveal() == DATA


@given(st.binary())
def test_size_and_checksum_are_those_of_the_bytes(data: bytes) -> None:
    payload = SecretPayload(data)
    assert payload.size == len(data)
    assert payload.crc32c == crc32c(data)
    assert payload.crc32c == crc32c(data)


def _unusable(broken: str) -> dict[str, object]:
    return {"id": "cls-1", "generation": 1, "spec": {"pullSecret": {"data": broken}}}


FAULTY_TEXTS = {
    "not JSON": f'{{"auths": {{"quay.io": {{"password": "{CANARY}"',
    "key twice": f'{{"auths": {{"q": {{"password": "{CANARY}", "password": "{CANARY}"}}}}}}',
    "NaN": f'{{"auths": {{"q": {{"password": "{CANARY}", "n": NaN}}}}}}',
    "no username": f'{{"auths": {{"q": {{"password": "{CANARY}"}}}}}}',
    "auth not base64": f'{{"auths": {{"q": {{"auth": "{CANARY}"}}}}}}',
    "password in the key": f'{{"auths": {{"user:{CANARY}@quay.io": 1}}}}',
    "password as auths": f'{{"auths": "{CANARY}"}}',
    "too long": CANARY * 10_000,
    "too deep": CANARY.join("[" * 4_000),
    "lone surrogate": CANARY + "\ud800",
}


def _order_from(text: str) -> None:
    cluster, _ = read_cluster(sealed(_unusable(text), DDR_PATHS), DDR_PATHS)
    provision_order(attrs.evolve(cluster, project="customer-prod", namespace="clusters-cls-1"))


@pytest.mark.parametrize("text", FAULTY_TEXTS.values(), ids=FAULTY_TEXTS)
def test_no_traceback_of_a_refused_pull_secret_holds_it(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        _order_from(text)
    _assert_no_canary(caught.value)


def test_no_traceback_of_a_refused_cluster_holds_its_pull_secret() -> None:
    document = _unusable(DATA.decode()) | {"generation": "one"}
    with pytest.raises(PermanentError) as caught:
        read_cluster(document, DDR_PATHS)
    _assert_no_canary(caught.value)


def test_a_pull_secret_of_a_wrong_kind_is_sealed_too() -> None:
    document = {"id": "cls-1", "generation": 1, "spec": {"pullSecret": {"data": [{"password": CANARY}]}}}
    cluster, shown = read_cluster(document, DDR_PATHS)
    assert CANARY not in f"{cluster}{shown}"
    with pytest.raises(PermanentError) as caught:
        provision_order(attrs.evolve(cluster, project="customer-prod", namespace="clusters-cls-1"))
    assert caught.value.cause == "It is not a JSON object."


def _assert_no_canary(error: PermanentError) -> None:
    """Look where a logger, a debugger or an error tracker would look; this file's own frames are ours."""
    assert error.__cause__ is None
    assert error.__context__ is None
    ours = error.__traceback__
    while ours is not None and ours.tb_frame.f_code.co_filename == __file__:
        ours = ours.tb_next
    assert ours is not None
    with_locals = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    console = Console(file=io.StringIO(), width=400)
    rich = Traceback.from_exception(
        type(error), error, ours, show_locals=True, locals_max_length=None, locals_max_string=None
    )
    console.print(rich)
    seen = [str(error), repr(error), repr(error.args), "".join(with_locals.format()), console.file.getvalue()]
    seen += [repr(pickle.dumps(error))]
    assert not [text for text in seen if CANARY in text]
    assert sys.exc_info() == (None, None, None)
