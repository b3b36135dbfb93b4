"""What comes in by other ways than an answer: ids, events, configuration files, tokens."""

import json
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.security.canary import Canary

from pullsecret.domain.cluster_document import DDR_PATHS, read_cluster, sealed
from pullsecret.domain.errors import OperationError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.identifiers import ClusterId, namespace, project_id
from pullsecret.domain.names import cloud_secret_name
from pullsecret.domain.provisioning import provision_order
from pullsecret.entrypoints.configuration import ConfigurationError, load
from pullsecret.expressions.errors import ExpressionError
from pullsecret.expressions.program import compile as compile_expression
from pullsecret.infrastructure.cloudevents.codec import Malformed, parse
from pullsecret.infrastructure.hyperfleet.bearer_token import BearerTokenFile
from pullsecret.infrastructure.hyperfleet.settings import HyperFleetSettings
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.infrastructure.tracing.settings import TracingSettings

HOSTILE_IDS: Final = {
    "up and away": "../x",
    "two parts": "a/b",
    "escaped": "a%2fb",
    "nothing": "",
    "dots": "..",
    "a new line": "cls-1\n",
    "a header": "cls-1\r\nX-Admin: true",
    "NUL": "cls-1\0",
    "look-alikes": "сls-1",  # the first letter is Cyrillic
    "a wide digit": "cls-１",
    "another label": "cls-1,app=x",
    "a selector": "cls-1 in (a)",
    "a query": "cls-1?x=y#z",
    "a port": "cls-1:80",
    "too long": "a" * 256,
    "half a character": "cls-\ud800",
    "a template": "{{x}}",
    "a command": "$(id)",
}


@pytest.mark.parametrize("text", HOSTILE_IDS.values(), ids=HOSTILE_IDS)
def test_no_id_leaves_its_place(text: str) -> None:
    for check in (ClusterId, namespace, project_id, lambda name: cloud_secret_name(ClusterId("c"), name)):
        with pytest.raises(OperationError) as refused:
            check(text)  # type: ignore[operator]
        told = str(refused.value)
        assert "\n" not in told
        assert "\0" not in told
        assert len(told) < 400
        told.encode()


def event(data: Any, **attributes: Any) -> bytes:
    given = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": data, **attributes}
    return json.dumps(given).encode()


STRUCTURED: Final = {"content-type": "application/cloudevents+json"}
GOOD: Final = {"clusterId": "cls-1"}
MALFORMED: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "not UTF-8": event(GOOD).replace(b"cls-1", b"cls-\xff"),
    "nested": b'{"specversion": "1.0", "data": ' + b"[" * 200_000,
    "no object": b"[1]",
    "a hostile id": event({"clusterId": "../x"}),
    "a list as id": event({"clusterId": ["cls-1"]}),
    "prototypes only": event({"__proto__": {"clusterId": "cls-1"}}),
    "an id of a megabyte": event({"clusterId": "a" * 1_000_000}),
    "too large": event({"clusterId": "cls-1", "x": "y" * 2_000_000}),
    "no version": event(GOOD, specversion="9.9"),
    "a number of a million digits": event(GOOD)[:-1] + b', "x": ' + b"9" * 1_000_000 + b"}",
    "extensions with impossible names": event(GOOD, **{f"X-{n}": 1 for n in range(10_000)}),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_event_is_told_and_not_quoted(body: bytes) -> None:
    found = parse(STRUCTURED, body)
    assert isinstance(found, Malformed)
    assert len(found.reason) < 300


def test_what_is_missing_of_an_event_is_named_and_extensions_are_not() -> None:
    odd = {"Ym9iOnNlY3JldA==": 1}
    both = parse(STRUCTURED, event(GOOD, id=1, source="", **odd))
    assert both == Malformed("it is no CloudEvent 1.0 (missing or invalid: id, source)")
    only_odd = parse(STRUCTURED, event(GOOD, **odd))
    assert only_odd == Malformed("it is no CloudEvent 1.0 (missing or invalid: an extension)")


@pytest.mark.parametrize(
    "parent",
    [
        "x" * 500_000,
        "00-1-2-3",
        f"00-{'a' * 32}-{'b' * 16}-01\r\nX: y",
        f"00-{'a' * 32}-{'b' * 16}-01\0",
        "\ud800",
    ],
    ids=["half a megabyte", "no trace", "a header", "NUL", "half a character"],
)
def test_what_is_no_trace_context_does_not_reach_a_job(parent: str) -> None:
    for headers, body in (
        (STRUCTURED, event(GOOD, traceparent=parent)),
        (
            {
                "ce-specversion": "1.0",
                "ce-id": "1",
                "ce-source": "s",
                "ce-type": "t",
                "ce-traceparent": parent,
                "content-type": "application/json",
            },
            json.dumps(GOOD).encode(),
        ),
    ):
        found = parse(headers, body)
        assert isinstance(found, Malformed) or found.trace is None


def test_a_trace_context_is_kept_and_a_hostile_state_left_out() -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    kept = parse(STRUCTURED, event(GOOD, traceparent=parent, tracestate="vendor=1"))
    assert isinstance(kept, ClusterEvent)
    assert kept.trace is not None
    assert (kept.trace.traceparent, kept.trace.tracestate) == (parent, "vendor=1")
    for state in ("a=1\r\nX: y", "a" * 600, "\0"):
        found = parse(STRUCTURED, event(GOOD, traceparent=parent, tracestate=state))
        assert isinstance(found, ClusterEvent)
        assert found.trace is not None
        assert found.trace.tracestate is None


def written(folder: Path, text: str) -> Path:
    file = folder / "adapter.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    return file


_LAUGHS: Final = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip(string.ascii_lowercase, string.ascii_lowercase[1:12], strict=False)
)
FILES: Final[Mapping[str, str]] = {
    "a billion laughs": _LAUGHS,
    "a loop": "a: &a [*a]\n",
    "Python": "a: !!python/object/apply:os.system [id]\n",
    "nested": "a: " + "[" * 20_000,
    "nested blocks": "".join(f"{' ' * depth}a:\n" for depth in range(600)),
    "NUL": "broker: mem\0ory\n",
    "not UTF-8": "broker: \udcff\n",
    "prototypes": "__proto__: {admin: true}\n",
    "a class": "__class__: x\n",
    "a key given twice": "broker: memory\nbroker: rabbitmq\n",
    "large": "# " + "x" * 2_000_000,
    "a merge": "a: &a {b: 1}\nc:\n  <<: *a\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_hostile_configuration_is_refused_in_few_words(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, text), {})
    assert len(str(refused.value)) < 2_000


@pytest.mark.parametrize(
    "url",
    [
        "htps://{user}:{word}@api.example.com",
        "https://{user}:{word}@api.example.com",
        "http://{word}@x",
        "{word}@x:y",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_quoted(url: str, canary: Canary) -> None:
    given = url.format(user="robot", word=canary.clear)
    for make in (lambda: HyperFleetSettings(given), lambda: RabbitMQSettings((given,))):
        with pytest.raises(ValueError, match=r"rl|RL|port") as refused:
            make()
        assert canary.leaks(str(refused.value)) == []


def test_a_password_for_the_collector_is_refused_since_it_would_stand_in_the_specs_of_jobs(
    canary: Canary,
) -> None:
    with pytest.raises(ValueError, match="password") as refused:
        TracingSettings(f"https://robot:{canary.clear}@collector.example.com:4318")
    assert canary.leaks(str(refused.value)) == []


@pytest.mark.parametrize("text", ["a\r\nX-Admin: true", "a b", "a\0", "ä", ""])
def test_a_token_that_would_end_its_header_is_refused_and_not_quoted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bearer"
    file.write_bytes(text.encode())
    with pytest.raises(OperationError) as refused:
        BearerTokenFile(file).headers()
    assert "X-Admin" not in str(refused.value)


@pytest.mark.parametrize("name", ["__proto__", "__class__", "__init__", "constructor", "__globals__"])
def test_an_expression_reaches_data_only(name: str) -> None:
    environment = {"spec": {"a": "b"}}
    for text in (f"spec.{name}", f'spec["{name}"]', f"spec.a.{name}", f"{name}"):
        try:
            found = compile_expression(text).evaluate(environment)
        except ExpressionError:
            continue
        assert found is None


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["__proto__", "data", "gcp", "projectId", "auths"]) | st.text(), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_spec_gives_an_order_or_an_error_of_ours(spec: Any, status: Any) -> None:
    document = {"id": "cls-1", "generation": 1, "spec": spec, "status": status}
    told = ""
    try:
        cluster, _ = read_cluster(sealed(document, DDR_PATHS), DDR_PATHS)
        provision_order(cluster)
    except OperationError as error:
        told = str(error)
    told.encode()
    assert len(told) < 2_000
