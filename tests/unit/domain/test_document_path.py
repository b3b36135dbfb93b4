"""Paths find and replace values in JSON documents and refuse to be anything else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.document_path import DocumentPath

DOCUMENT: dict[str, Any] = {
    "spec": {"gcp": {"projectId": "p"}, "empty": "", "none": None, "zero": 0},
    "items": [
        "text",
        {"type": "A", "status": "True"},
        {"type": "v1.B", "status": "False"},
        {"type": "A", "status": "second"},
        {"type": "C", "list": [{"name": "x", "value": 1}]},
    ],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.gcp.projectId", "p"),
        ("spec.gcp", {"projectId": "p"}),
        ("spec.empty", ""),
        ("spec.zero", 0),
        ("spec.none", None),
        ("spec.none.more", None),
        ("spec.gcp.projectId.more", None),
        ("spec.missing", None),
        ("missing.gcp", None),
        ("items[type=A].status", "True"),
        ("items[type=v1.B].status", "False"),
        ("items[type=C].list[name=x].value", 1),
        ("items[type=Z].status", None),
        ("items[missing=A].status", None),
        ("items.type", None),
        ("spec[type=A].status", None),
        ("missing[type=A].status", None),
    ],
)
def test_find(path: str, found: object) -> None:
    assert DocumentPath(path).find(DOCUMENT) == found


@pytest.mark.parametrize(
    ("path", "kept"),
    [("spec.missing", True), ("spec.none", True), ("items[type=Z].status", True), ("spec.zero", False)],
)
def test_replacing_what_is_not_there_changes_nothing(path: str, kept: bool) -> None:
    assert (DocumentPath(path).replaced(DOCUMENT, "new") is DOCUMENT) == kept


def test_replaced_changes_one_place_and_not_the_original() -> None:
    path = DocumentPath("items[type=A].status")
    changed = path.replaced(DOCUMENT, "new")
    assert changed == {
        **DOCUMENT,
        "items": [DOCUMENT["items"][0], {"type": "A", "status": "new"}, *DOCUMENT["items"][2:]],
    }
    assert path.find(DOCUMENT) == "True"
    assert changed["spec"] is DOCUMENT["spec"]


def test_a_selected_item_itself_is_replaced() -> None:
    assert DocumentPath("items[type=C]").replaced(DOCUMENT, 1)["items"][4] == 1


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a[b]", "a[b=]", "a[=c]", "[b=c]", "a[b=c", "a]b", "a[b=c]d", "a=b"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r" is not a path like 'spec\.gcp\.projectId' or ") as caught:
        DocumentPath(text)
    assert str(caught.value).startswith(repr(text))


def test_paths_are_values_that_show_their_text() -> None:
    path = DocumentPath("spec.gcp[name=x].id")
    assert str(path) == "spec.gcp[name=x].id"
    assert path == DocumentPath("spec.gcp[name=x].id")
    assert {path} == {DocumentPath("spec.gcp[name=x].id")}
    assert path != DocumentPath("spec.gcp")


keys = st.text(st.characters(exclude_characters=".[]=\n"), min_size=1)


@given(st.lists(keys, min_size=1, max_size=5), st.integers(), st.integers())
def test_what_was_replaced_is_found(path: list[str], old: int, new: int) -> None:
    document: Any = old
    for key in reversed(path):
        document = {key: document, key + "'": 0}
    where = DocumentPath(".".join(path))
    assert where.find(document) == old
    assert where.find(where.replaced(document, new)) == new
