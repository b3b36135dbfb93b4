"""The pages made from the program are what the program says today."""

import re
from pathlib import Path

import pytest

from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.documents import GENERATED_PAGES, configuration_page, reasons_page, write_pages

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", GENERATED_PAGES)
def test_a_generated_page_is_up_to_date(name: str, tmp_path: Path) -> None:
    write_pages(tmp_path)
    generated = (tmp_path / name).read_text(encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == generated, "run `make docs-generate`"


def test_the_reasons_page_has_one_row_for_each_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", reasons_page(), re.MULTILINE)
    expected = [(r.value, r.outlook.value, r.meaning, r.remedy or "–") for r in Reason]
    assert sorted(rows) == sorted(expected)


def test_every_link_of_the_configuration_page_leads_to_a_section() -> None:
    page = configuration_page()
    headings = {
        re.sub(r"[^a-z]", "", title.lower()) for title in re.findall(r"^## (.*)$", page, re.MULTILINE)
    }
    anchors = re.findall(r"\]\(#([^)]*)\)", page)
    assert len(anchors) > 20
    assert set(anchors) <= headings


def test_the_configuration_page_names_each_variable_once() -> None:
    variables = re.findall(r"\| `(PULLSECRET__\w+)` \|$", configuration_page(), re.MULTILINE)
    assert len(variables) == len(set(variables)) > 50
