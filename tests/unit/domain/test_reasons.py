"""The list of reasons is closed, well formed, and documented completely."""

import pickle
import re
from pathlib import Path

import pytest

from pullsecret.domain.reasons import RETRIED, Outlook, Reason
from pullsecret.entrypoints.documents import GENERATED_PAGES, reasons_page, write_pages

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_well_formed(reason: Reason) -> None:
    # Stricter than the pattern of metav1.Condition in k8s.io/apimachinery, so valid there too.
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{0,99}", reason.value)
    assert re.fullmatch(r"[A-Z][^|\n]*\.", reason.meaning)
    assert re.fullmatch(r"([A-Z][^|\n]*\.)?", reason.remedy)
    assert str(reason) == reason.value
    assert Reason(reason.value) is reason
    assert pickle.loads(pickle.dumps(reason)) is reason  # noqa: S301


@pytest.mark.parametrize("reason", Reason)
def test_the_remedy_fits_the_outlook(reason: Reason) -> None:
    assert reason.remedy.startswith(RETRIED) == (reason.outlook is Outlook.TRANSIENT)
    if reason.outlook is Outlook.PERMANENT:
        assert reason.remedy


def test_reasons_and_their_meanings_are_distinct() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason)
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_the_page_has_one_row_for_each_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", reasons_page(), re.MULTILINE)
    expected = [(r.value, r.outlook.value, r.meaning, r.remedy or "–") for r in Reason]
    assert sorted(rows) == sorted(expected)


@pytest.mark.parametrize("name", GENERATED_PAGES)
def test_a_generated_page_is_up_to_date(name: str, tmp_path: Path) -> None:
    write_pages(tmp_path)
    generated = (tmp_path / name).read_text(encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == generated, "run `make docs-generate`"
