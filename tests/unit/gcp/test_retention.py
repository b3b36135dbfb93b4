"""Which versions are retired, for every history of a secret."""

import pytest
from google.cloud.secretmanager_v1.types import SecretVersion
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.infrastructure.gcp.retention import versions_to_retire

STATES = (SecretVersion.State.ENABLED, SecretVersion.State.DISABLED)
histories = st.lists(st.sampled_from(STATES), min_size=1, max_size=12)


def versions(states: list[SecretVersion.State]) -> list[SecretVersion]:
    """Newest first, as they are listed."""
    numbered = list(enumerate(states, 1))
    return [SecretVersion(name=f"projects/1/secrets/s/versions/{n}", state=state) for n, state in numbered][
        ::-1
    ]


def number(version: SecretVersion) -> int:
    return int(version.name.rpartition("/")[2])


@given(histories, st.integers(1, 5), st.booleans(), st.data())
def test_the_newest_enabled_and_the_protected_stay(
    states: list[SecretVersion.State], keep: int, destroy: bool, data: st.DataObject
) -> None:
    protect = data.draw(st.integers(1, len(states)))
    retired = {
        number(one) for one in versions_to_retire(versions(states), keep, str(protect), destroy=destroy)
    }
    enabled = [n for n, state in enumerate(states, 1) if state == SecretVersion.State.ENABLED]
    newest = set(enabled[-keep:])
    assert protect not in retired
    assert not retired & newest
    assert set(enabled) - newest - {protect} <= retired
    if not destroy:
        assert retired <= set(enabled)


@given(histories, st.integers(1, 5))
def test_what_somebody_disabled_among_the_newest_is_left_to_them(
    states: list[SecretVersion.State], keep: int
) -> None:
    enabled = [n for n, state in enumerate(states, 1) if state == SecretVersion.State.ENABLED]
    oldest_kept = enabled[-keep:][0] if enabled[-keep:] else 0
    retired = {number(one) for one in versions_to_retire(versions(states), keep, "0", destroy=True)}
    disabled = {n for n, state in enumerate(states, 1) if state == SecretVersion.State.DISABLED}
    assert not {n for n in disabled if n > oldest_kept} & retired or len(enabled) < keep


@pytest.mark.parametrize("destroy", [False, True])
def test_few_versions_all_stay(destroy: bool) -> None:
    both = versions([SecretVersion.State.ENABLED] * 2)
    assert list(versions_to_retire(both, 2, "2", destroy=destroy)) == []
