"""The criteria are the design's, and each of them has its check."""

import os
from pathlib import Path

import pytest
from tests.acceptance.boxes import CRITERIA, groups, section
from tests.acceptance.checks import check, checks
from tests.acceptance.runner import UnknownBoxError, select

ROOT = Path(__file__).parents[2]
NAME = "pull-secret-service-ddr.md"
PLACES = [ROOT.parent / "shared" / "design" / NAME, ROOT / "shared" / "design" / NAME]


def design() -> Path | None:
    """The design document, where it is at hand: beside the checkout, or named by PULLSECRET_DESIGN."""
    named = os.environ.get("PULLSECRET_DESIGN")
    return next((place for place in ([Path(named)] if named else PLACES) if place.exists()), None)


def test_the_criteria_are_the_designs() -> None:
    document = design()
    if document is None:
        pytest.skip("the design document is not at hand")
    assert CRITERIA.read_text().strip() == section(document.read_text()).strip()


def test_every_box_was_read() -> None:
    text = CRITERIA.read_text()
    found = groups()
    assert [group.id for group in found] == [f"AC{number}" for number in range(1, 11)]
    assert sum(len(group.boxes) for group in found) == text.count("\n- [ ] ") == 51
    assert all(group.validations for group in found)
    assert all(box.text in text for group in found for box in group.all)


def test_every_box_has_one_check() -> None:
    boxes = [box.id for group in groups() for box in group.all]
    assert len(boxes) == len(set(boxes))
    assert set(checks()) == set(boxes)
    again = check(boxes[0], "Once more.")
    with pytest.raises(ValueError, match="two checks"):
        again(checks()[boxes[0]].work)


def test_every_check_says_how() -> None:
    for each in checks().values():
        assert each.how.endswith(".")
        assert "\n" not in each.how


def test_boxes_are_chosen_by_name() -> None:
    assert [each.box for each in select(["AC5.4", "AC1.2"], real_cloud=False)] == ["AC1.2", "AC5.4"]
    assert len(select(["AC8"], real_cloud=False)) == 7
    assert len(select([], real_cloud=False)) == len(checks())
    with pytest.raises(UnknownBoxError, match="AC11"):
        select(["AC11"], real_cloud=False)


def test_a_real_cloud_shows_what_only_it_can() -> None:
    chosen = {each.box for each in select([], real_cloud=True)}
    assert {"AC1.1", "AC1.4", "AC3.1", "AC3.5", "AC9.5"} <= chosen
    assert chosen.isdisjoint({"AC2.1", "AC3.4", "AC6.1", "AC10.1"})
