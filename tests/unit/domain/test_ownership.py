"""Whose secret it is, decided from its labels alone (DDR risk 4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import Decision, decide, describe_owner, ownership_labels

US = ClusterId("cls-1")
OTHER = ClusterId("cls-2")


def test_the_labels_are_the_design_documents() -> None:
    assert ownership_labels(US) == {"managed-by": "hyperfleet", "cluster-id": "cls-1"}


@pytest.mark.parametrize(
    ("labels", "decision"),
    [
        (None, Decision.CREATE),
        ({}, Decision.REFUSE),
        ({"cluster-id": "cls-1"}, Decision.REFUSE),
        ({"managed-by": "terraform", "cluster-id": "cls-1"}, Decision.REFUSE),
        ({"managed-by": "Hyperfleet", "cluster-id": "cls-1"}, Decision.REFUSE),
        ({"managed-by": "hyperfleet"}, Decision.ADOPT),
        ({"managed-by": "hyperfleet", "cluster-id": ""}, Decision.REFUSE),
        ({"managed-by": "hyperfleet", "cluster-id": "cls-2"}, Decision.REFUSE),
        ({"managed-by": "hyperfleet", "cluster-id": "cls-1"}, Decision.UNCHANGED),
        ({"managed-by": "hyperfleet", "cluster-id": "cls-1", "team": "x"}, Decision.UNCHANGED),
    ],
)
def test_the_decision(labels: dict[str, str] | None, decision: Decision) -> None:
    assert decide(labels, US) is decision


@given(st.dictionaries(st.sampled_from(["managed-by", "cluster-id", "x"]), st.text()))
def test_no_foreign_label_makes_a_secret_ours(labels: dict[str, str]) -> None:
    ours = ownership_labels(US).items() <= labels.items()
    assert (decide(labels, US) is Decision.UNCHANGED) == ours
    assert decide({**labels, **ownership_labels(OTHER)}, US) is Decision.REFUSE


def test_an_id_that_no_label_can_hold_is_still_recognized() -> None:
    long = ClusterId("Prod.EU-" + "x" * 200)
    assert decide(ownership_labels(long), long) is Decision.UNCHANGED
    assert decide(ownership_labels(long), US) is Decision.REFUSE


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, "it carries no managed-by label"),
        ({"managed-by": "terraform"}, "it is managed by 'terraform'"),
        ({"managed-by": "hyperfleet", "cluster-id": "cls-2"}, "it belongs to the cluster labelled 'cls-2'"),
        ({"managed-by": "hyperfleet"}, "it belongs to the cluster labelled ''"),
    ],
)
def test_the_owner_in_words(labels: dict[str, str], words: str) -> None:
    assert describe_owner(labels) == words
