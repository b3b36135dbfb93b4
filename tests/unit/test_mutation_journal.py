"""An interrupted run of mutants goes on where it stopped, if it still asks the same of the same files."""

from pathlib import Path

import pytest
from tests.mutation_journal import Journal, digest


def never() -> bool:
    raise AssertionError("asked again")


def test_an_interrupted_run_asks_only_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "not there yet" / "run.jsonl"
    first = Journal(path)
    assert first.answer("noticed", lambda: True)
    assert not first.answer("survivor", lambda: False)

    second = Journal(path)

    assert len(second) == 2
    assert second.answer("noticed", never)
    assert not second.answer("survivor", never)
    with pytest.raises(AssertionError):
        second.answer("new", never)


def test_a_line_that_was_cut_off_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = Journal(path)
    first.answer("whole", lambda: True)
    first.answer("torn", lambda: True)
    path.write_text(path.read_text()[:-3])

    second = Journal(path)

    assert second.answer("whole", never)
    assert not second.answer("torn", lambda: False)
    assert not Journal(path).answer("torn", never)


def test_a_run_that_came_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    journal = Journal(path)
    journal.answer("noticed", lambda: True)
    journal.close()

    assert not path.exists()
    assert len(Journal(path)) == 0


def test_only_the_same_question_about_the_same_files_has_the_same_digest(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "source.py").write_text("one")
    file.write_text("two")
    question, paths = (600, 26), [folder, file]
    before = digest(question, paths)

    assert digest(question, paths) == before
    assert digest((600, 27), paths) != before
    file.write_text("three")
    changed = digest(question, paths)
    assert changed != before
    (folder / "deep" / "source.py").write_text("two")
    assert digest(question, paths) not in (before, changed)
    (folder / "another.py").touch()
    (folder / "deep" / "source.py").write_text("one")
    assert digest(question, paths) != changed
    (folder / "another.py").unlink()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "source.pyc").write_text("compiled")
    assert digest(question, paths) == changed
