"""The list of reasons is closed and well formed."""

import pickle
import re

import pytest

from pullsecret.domain.reasons import RETRIED, Outlook, Reason


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
