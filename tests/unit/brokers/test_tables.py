"""The tables of docs/brokers.md are what the benchmarks measured."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks import broker_faults, brokers

_ROOT = Path(__file__).parents[3]
_RESULTS = _ROOT / "benchmarks" / "results"
_PAGE = (_ROOT / "docs" / "brokers.md").read_text(encoding="utf-8")

_REPORT = """<testsuite>
<testcase name="test_an_alarm[disk-0]"><property name="clusters" value="40"/></testcase>
<testcase name="test_an_alarm[disk-1]"><property name="clusters" value="40"/></testcase>
<testcase name="test_a_connection_cut_at_a_frame[tune-0]"/>
<testcase name="test_a_connection_cut_at_a_frame[heartbeat-0]"><error/></testcase>
<testcase name="test_the_queue_is_deleted[0]"><failure/></testcase>
</testsuite>"""


def test_a_report_is_counted_by_fault() -> None:
    counted = broker_faults.counted(ElementTree.fromstring(_REPORT).iter("testcase"))  # noqa: S314
    told = {fault: (sums["repetitions"], sums["passed"], sums["clusters"]) for fault, sums in counted.items()}
    assert told == {
        "an alarm: disk": (2, 2, 80),
        "a connection cut at a frame": (2, 1, 0),
        "the queue is deleted": (1, 0, 0),
    }
    twice = broker_faults.added(counted, counted)
    assert twice["an alarm: disk"]["clusters"] == 160
    assert "| The queue is deleted | 2 | 0 | – |" in broker_faults.table(twice)


@pytest.mark.parametrize("file", ["broker_faults.json", "broker_faults_pubsub.json"])
def test_the_page_shows_the_faults_as_they_were_measured(file: str) -> None:
    rows = json.loads((_RESULTS / file).read_text())["figures"]["faults"]
    assert broker_faults.table({row.pop("fault"): row for row in rows}) in _PAGE


@pytest.mark.parametrize("broker", brokers.BROKERS)
def test_the_page_shows_the_throughput_as_it_was_measured(broker: str) -> None:
    paths = json.loads((_RESULTS / f"brokers_{broker}.json").read_text())["figures"]["paths"]
    for figures in paths:
        assert brokers.row(broker, figures) in _PAGE
