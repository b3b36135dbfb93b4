"""Brokers' attributes are read as CloudEvents' headers, whatever the prefix."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.events import ClusterEvent
from pullsecret.infrastructure.cloudevents.broker_attributes import http_headers
from pullsecret.infrastructure.cloudevents.codec import parse

_DATA = json.dumps({"id": "2abc", "kind": "Cluster", "generation": 3}).encode()


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "cloudEvents:", "cloudEvents_"])
def test_binary_mode_with_every_prefix(prefix: str) -> None:
    attributes = {
        f"{prefix}specversion": "1.0",
        f"{prefix}id": b"1%20",
        f"{prefix}source": "hyperfleet-sentinel",
        f"{prefix}type": "com.redhat.hyperfleet.cluster.reconcile",
        "_watermill_message_uuid": "u",
    }
    event = parse(http_headers(attributes, "application/json"), _DATA)
    assert isinstance(event, ClusterEvent)
    assert (event.id, event.cluster_id.value) == ("1%20", "2abc")


@pytest.mark.parametrize("content_type", ["APPLICATION/JSON", "Application/Json; charset=UTF-8"])
def test_a_content_type_in_capitals_means_the_same(content_type: str) -> None:
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "hyperfleet-sentinel",
        "ce-type": "com.redhat.hyperfleet.cluster.reconcile",
    }
    assert isinstance(parse(http_headers(attributes, content_type), _DATA), ClusterEvent)


def test_watermill_writes_structured_mode_without_a_content_type() -> None:
    body = {
        "specversion": "1.0",
        "id": "1",
        "source": "hyperfleet-sentinel",
        "type": "com.redhat.hyperfleet.Cluster.reconcile",
        "datacontenttype": "application/json",
        "data": json.loads(_DATA),
    }
    event = parse(http_headers({"_watermill_message_uuid": "1"}), json.dumps(body).encode())
    assert isinstance(event, ClusterEvent)
    assert event.cluster_id.value == "2abc"


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.binary())), st.binary())
def test_no_attribute_breaks_it(attributes: dict[str, object], body: bytes) -> None:
    parse(http_headers(attributes), body)
