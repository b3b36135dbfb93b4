"""Which clusters the service is switched on for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.rollout import Rollout

IDS = st.integers(0, 10**9).map(lambda number: ClusterId(f"cls-{number}"))
SHARES = st.floats(0, 1)


@given(IDS)
def test_everybody_is_included_unless_configured(cluster_id: ClusterId) -> None:
    assert Rollout().includes(cluster_id)


@given(IDS)
def test_the_flag_leaves_everybody_alone(cluster_id: ClusterId) -> None:
    assert not Rollout(enabled=False, clusters=(cluster_id.value,)).includes(cluster_id)


@given(IDS)
def test_a_share_of_nothing_includes_only_the_named(cluster_id: ClusterId) -> None:
    assert not Rollout(share=0).includes(cluster_id)
    assert Rollout(share=0, clusters=(cluster_id.value,)).includes(cluster_id)


@given(IDS, SHARES, SHARES)
def test_a_greater_share_keeps_all_clusters_of_a_smaller_one(
    cluster_id: ClusterId, one: float, other: float
) -> None:
    if Rollout(share=min(one, other)).includes(cluster_id):
        assert Rollout(share=max(one, other)).includes(cluster_id)


def test_the_choice_is_spread_evenly_and_never_changes() -> None:
    included = [n for n in range(10_000) if Rollout(share=0.1).includes(ClusterId(f"cls-{n}"))]
    assert 900 < len(included) < 1100
    assert included[:3] == [2, 3, 6]


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_of_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Rollout(share=share)
