"""What comes from outside is checked once, and the error says what was expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import MAX_GENERATION, ClusterId, generation, namespace, project_id
from pullsecret.domain.reasons import Reason


def refusal(caught: pytest.ExceptionInfo[PermanentError]) -> str:
    assert caught.value.reason is Reason.INVALID_CLUSTER
    assert caught.value.operation == "read-cluster"
    assert caught.value.subject == "cluster"
    return caught.value.cause


@pytest.mark.parametrize("value", ["a", "9", "cls-1", "A.b_C-d", "a" * 253])
def test_a_cluster_id_shows_itself(value: str) -> None:
    assert str(ClusterId(value)) == value
    assert ClusterId(value).value == value


@pytest.mark.parametrize(
    "value", ["", "-a", "a-", ".a", "a.", "_a", "a/b", "..", "../x", "a b", "a\n", "a\0", "ä", "a" * 254]
)
def test_an_id_that_could_leave_its_place_is_refused(value: str) -> None:
    with pytest.raises(PermanentError) as caught:
        ClusterId(value)
    shown = value if len(value) <= 80 else value[:80] + "..."
    assert refusal(caught) == f"The cluster id {shown!r} is not 1 to 253 letters, digits, '-', '_' or '.'."


def test_cluster_ids_are_ordered_by_their_text() -> None:
    assert sorted([ClusterId("b"), ClusterId("a")]) == [ClusterId("a"), ClusterId("b")]


@given(st.integers(1, MAX_GENERATION))
def test_a_whole_number_is_a_generation(value: int) -> None:
    assert generation(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "'True'"), (None, "'None'"), ("1", "'1'"), (1.0, "'1.0'"), ({}, "'{}'")],
)
def test_what_is_no_whole_number_is_no_generation(value: object, shown: str) -> None:
    with pytest.raises(PermanentError) as caught:
        generation(value)
    assert refusal(caught) == f"The generation {shown} is not a whole number of 1 or more."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "'0'"),
        (-MAX_GENERATION, f"'-{MAX_GENERATION}'"),
        (MAX_GENERATION + 1, "'0x8000000000000000'"),
        (-MAX_GENERATION - 1, "'-0x8000000000000000'"),
        pytest.param(16**5000, "'0x1" + "0" * 77 + "...'", id="more digits than Python writes"),
    ],
)
def test_a_number_out_of_range_is_no_generation(value: int, shown: str) -> None:
    with pytest.raises(PermanentError) as caught:
        generation(value)
    assert refusal(caught) == f"The generation {shown} is not a whole number from 1 to 2**63 - 1."


@pytest.mark.parametrize("value", ["a", "clusters-cls-1", "9", "a" * 63])
def test_a_namespace_is_a_dns_label(value: str) -> None:
    assert namespace(value) == value


@pytest.mark.parametrize("value", ["", "a" * 64, "-a", "a-", "A", "a.b", "a_b", "a/b", "a\n"])
def test_what_is_no_dns_label_is_no_namespace(value: str) -> None:
    with pytest.raises(PermanentError) as caught:
        namespace(value)
    assert refusal(caught) == f"The namespace {value!r} is not an RFC 1123 label of at most 63 characters."


@pytest.mark.parametrize("value", ["abcdef", "customer-prod-12345", "a" * 30, "example.com:my-project"])
def test_a_project_id_may_carry_a_legacy_domain(value: str) -> None:
    assert project_id(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abcde",
        "a" * 31,
        "1bcdef",
        "abcde-",
        "Abcdef",
        "abc/def",
        "a_bcdef",
        "../abcdef",
        "abcdef\n",
        ":abcdef",
    ],
)
def test_what_is_no_project_id_is_refused(value: str) -> None:
    with pytest.raises(PermanentError) as caught:
        project_id(value)
    assert refusal(caught) == f"The project id {value!r} is not 6 to 30 lower-case letters, digits or '-'."


@pytest.mark.parametrize(("length", "shown"), [(80, "A" * 80), (81, "A" * 80 + "...")])
def test_a_long_value_is_shown_in_part(length: int, shown: str) -> None:
    with pytest.raises(PermanentError) as caught:
        namespace("A" * length)
    assert repr(shown) in refusal(caught)
