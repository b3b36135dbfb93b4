"""The page is what a run of the current criteria found, and nothing else."""

from pathlib import Path

import attrs
from tests.acceptance.boxes import groups
from tests.acceptance.checks import Where, checks
from tests.acceptance.report import Result, Run, Verdict, page, read_json, write_json

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "acceptance.md"
RECORD = ROOT / "tests" / "acceptance" / "record.json"
RESULT = Result("AC1.2", "Looked at.", "ac1.labels", Verdict.PASS, "managed-by=hyperfleet", "", 0.1)


def test_the_page_is_made_from_the_runs_record() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(read_json(RECORD)), "run `make acceptance`"


def test_the_run_was_of_all_boxes_of_today() -> None:
    results = read_json(RECORD).results
    assert list(results) == [box.id for group in groups() for box in group.all]
    found = {box: (result.check, result.how) for box, result in results.items()}
    assert found == {box: (each.name, each.how) for box, each in checks().items()}, "run `make acceptance`"


def test_no_box_failed_and_only_those_for_elsewhere_were_not_run() -> None:
    results = read_json(RECORD).results
    elsewhere = {box for box, each in checks().items() if each.where in (Where.REAL_CLOUD, Where.PERSON)}
    assert {box for box, result in results.items() if result.verdict is Verdict.FAIL} == set()
    assert {box for box, result in results.items() if result.verdict is Verdict.NOT_RUN} == elsewhere


def test_the_page_has_each_box_in_the_designs_words() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for group in groups():
        for box in group.boxes:
            assert f"**{box.id}** {box.text.replace('|', '&#124;')}" in text


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    failed = attrs.evolve(RESULT, box="AC5.4", verdict=Verdict.FAIL, figure="7.1 s", note="")
    run = Run("the fakes", {"AC1.2": RESULT, "AC5.4": failed}, 12.3)
    write_json(run, tmp_path / "acceptance.json")
    read = read_json(tmp_path / "acceptance.json")
    assert (read.cloud, read.results, read.seconds) == (run.cloud, run.results, run.seconds)
    assert "| 7.1 s | **fail** |" in page(read)
    assert "1 pass, 1 fail" in page(read)


def test_markup_of_figures_is_shown_as_it_is() -> None:
    found = attrs.evolve(RESULT, figure='max{pod=~"a|b"} < 3 * 2')
    run = Run("the fakes", {"AC1.2": found}, 1.0, {"cores": 2, "cpu": "x"}, "c", "t")
    assert 'max{pod=~"a&#124;b"} &lt; 3 &#42; 2' in page(run)
