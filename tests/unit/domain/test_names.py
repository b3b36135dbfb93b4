"""Names stay the design's where they fit and valid, distinct and stable where they do not."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.identifiers import MAX_GENERATION, ClusterId, Generation
from pullsecret.domain.names import (
    clean_up_job_name,
    cloud_secret_name,
    cluster_label,
    cluster_secret_name,
    job_name,
    temporary_secret_name,
)
from pullsecret.domain.reasons import Reason

# The limits as Kubernetes (RFC 1123) and Google Cloud document them, written independently of the module.
DNS_LABEL = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
CLOUD_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
CLOUD_LABEL = re.compile(r"[a-z0-9_-]{0,63}\Z")
KUBERNETES_LABEL = re.compile(r"(?=.{0,63}\Z)([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")

cluster_ids = st.from_regex(
    r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\Z"
).map(ClusterId)  # fmt: skip
generations = st.integers(1, MAX_GENERATION).map(Generation)
plain_ids = st.from_regex(r"\A[a-z][a-z0-9]{0,9}\Z").map(ClusterId)


def first_job(cluster_id: ClusterId) -> str:
    return job_name(cluster_id, Generation(1))


def first_clean_up(cluster_id: ClusterId) -> str:
    return clean_up_job_name(cluster_id, Generation(1))


NAMERS: list[Callable[[ClusterId], str]] = [
    cloud_secret_name,
    temporary_secret_name,
    first_job,
    cluster_secret_name,
    first_clean_up,
    cluster_label,
]


def test_names_of_an_ordinary_cluster_are_the_design_documents() -> None:
    cluster_id = ClusterId("cls-abc123")
    assert cloud_secret_name(cluster_id) == "hyperfleet-cls-abc123-pull-secret"
    assert temporary_secret_name(cluster_id) == "cluster-cls-abc123-pullsecret-data"
    assert job_name(cluster_id, Generation(7)) == "pullsecret-cls-abc123-gen7"
    assert job_name(cluster_id, Generation(7), 2) == "pullsecret-cls-abc123-gen7-try2"
    assert cluster_secret_name(cluster_id) == "cls-abc123-pull-secret"
    assert cluster_label(cluster_id) == "cls-abc123"


def test_a_uuid_and_its_generation_fit_unshortened() -> None:
    cluster_id = ClusterId("019466a0-8f8e-7abc-9def-0123456789ab")
    assert job_name(cluster_id, Generation(123_456)) == f"pullsecret-{cluster_id}-gen123456"
    assert clean_up_job_name(cluster_id, Generation(123_456)) == f"pullsecret-{cluster_id}-del123456"
    assert cluster_label(cluster_id) == cluster_id.value


@given(cluster_ids, generations, st.integers(1, 9_999_999))
@example(ClusterId("a" * 253), Generation(MAX_GENERATION), 9_999_999)
@example(ClusterId("a" + "." * 251 + "b"), Generation(1), 1)
@example(ClusterId("A" + "-" * 251 + "B"), Generation(1), 1)
@example(ClusterId("a" + "_" * 60 + "b"), Generation(1), 1)
def test_every_name_is_valid_where_it_is_used(
    cluster_id: ClusterId, generation: Generation, attempt: int
) -> None:
    assert CLOUD_SECRET_ID.match(cloud_secret_name(cluster_id))
    assert DNS_SUBDOMAIN.match(temporary_secret_name(cluster_id))
    assert DNS_SUBDOMAIN.match(cluster_secret_name(cluster_id))
    assert DNS_LABEL.match(job_name(cluster_id, generation, attempt))
    assert DNS_LABEL.match(clean_up_job_name(cluster_id, generation, attempt))
    label = cluster_label(cluster_id)
    assert CLOUD_LABEL.match(label)
    assert KUBERNETES_LABEL.match(label)


@given(cluster_ids, cluster_ids)
@example(ClusterId("Foo"), ClusterId("foo"))
@example(ClusterId("a.b"), ClusterId("a-b"))
@example(ClusterId("a_b"), ClusterId("a-b"))
@example(ClusterId("x" * 252 + "1"), ClusterId("x" * 252 + "2"))
def test_two_clusters_never_share_a_name(one: ClusterId, other: ClusterId) -> None:
    for name in NAMERS:
        assert (name(one) == name(other)) == (one == other)


@given(plain_ids, generations, st.integers(1, 99), plain_ids, generations, st.integers(1, 99))
@example(ClusterId("x"), Generation(1), 2, ClusterId("x"), Generation(1), 1)
@example(ClusterId("x"), Generation(1), 1, ClusterId("x-gen1"), Generation(1), 1)
@example(ClusterId("x-gen1"), Generation(1), 2, ClusterId("x-gen1-try2"), Generation(1), 1)
@example(ClusterId("x-del1"), Generation(1), 1, ClusterId("x"), Generation(1), 1)
def test_every_attempt_has_its_own_job_name(
    one: ClusterId, g1: Generation, a1: int, other: ClusterId, g2: Generation, a2: int
) -> None:
    same = (one, g1, a1) == (other, g2, a2)
    assert (job_name(one, g1, a1) == job_name(other, g2, a2)) == same
    assert (clean_up_job_name(one, g1, a1) == clean_up_job_name(other, g2, a2)) == same
    assert job_name(one, g1, a1) != clean_up_job_name(other, g2, a2)


@pytest.mark.parametrize("name", NAMERS)
def test_no_cluster_id_can_be_chosen_to_meet_anothers_shortened_name(
    name: Callable[[ClusterId], str],
) -> None:
    victim = ClusterId("Foo.Bar_" + "x" * 240)
    before, after = name(ClusterId("q")).split("q")[0], name(ClusterId("q")).rsplit("q")[-1]
    chosen = ClusterId(name(victim).removeprefix(before).removesuffix(after))
    assert name(victim) == f"{before}{chosen}{after}"
    assert name(chosen) != name(victim)


@pytest.mark.parametrize("cluster_id", ["cls-0123456789abcdef", "a--0123456789abcde", "a--0123456789abcdef0"])
def test_an_id_that_only_resembles_a_shortened_one_keeps_its_name(cluster_id: str) -> None:
    assert cluster_label(ClusterId(cluster_id)) == cluster_id


def test_shortened_names_are_pinned_since_resources_already_carry_them() -> None:
    long = ClusterId("Prod.EU_west-" + "x" * 200)
    digest = "--12c3b8d2101d39b0"
    assert cluster_label(long) == "prod-eu-west-" + "x" * 32 + digest
    assert first_job(long) == "pullsecret-prod-eu-west-" + "x" * 16 + digest + "-gen1"
    assert cloud_secret_name(long) == "hyperfleet-prod-eu-west-" + "x" * 200 + digest + "-pull-secret"
    assert cluster_secret_name(long) == "prod-eu-west-" + "x" * 200 + digest + "-pull-secret"
    assert temporary_secret_name(long) == "cluster-prod-eu-west-" + "x" * 198 + digest + "-pullsecret-data"


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        (cloud_secret_name, 255 - len("hyperfleet--pull-secret")),
        (temporary_secret_name, 253 - len("cluster--pullsecret-data")),
        (first_job, 63 - len("pullsecret--gen1")),
        (cluster_secret_name, 253 - len("-pull-secret")),
        (cluster_label, 63),
    ],
)
def test_shortening_starts_exactly_past_the_limit(name: Callable[[ClusterId], str], longest: int) -> None:
    assert "a" * longest in name(ClusterId("a" * longest))
    assert "a" * longest not in name(ClusterId("a" * (longest + 1)))


def test_a_cut_leaves_no_hyphen_before_the_hash() -> None:
    assert re.fullmatch(r"a{44}--[0-9a-f]{16}", cluster_label(ClusterId("a" * 44 + "-" * 100 + "b")))


@pytest.mark.parametrize("override", ["x", "Shared_Name-1", "a" * 255, "-", "_"])
def test_an_override_replaces_the_cloud_secrets_name(override: str) -> None:
    assert cloud_secret_name(ClusterId("cls-1"), override) == override


@pytest.mark.parametrize("override", ["", "a" * 256, "a.b", "a/b", "a b", "ä", "name\n", "../x"])
def test_an_override_that_is_no_secret_id_is_refused(override: str) -> None:
    with pytest.raises(PermanentError) as caught:
        cloud_secret_name(ClusterId("cls-1"), override)
    assert caught.value.reason is Reason.INVALID_CLUSTER
    assert caught.value.operation == "read-cluster"
    assert caught.value.subject == "cluster cls-1"
    assert (
        caught.value.cause
        == f"The secret name {override[:80]!r} is not 1 to 255 letters, digits, '-' or '_'."
    )
    assert caught.value.remedy == "Correct spec.pullSecret.secretName."
