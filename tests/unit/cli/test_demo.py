"""The demo provisions its fleet, proves it, and fails if anything is not where it should be."""

import json
from pathlib import Path

import attrs
import pytest
from tests.unit.cli.conftest import Command

from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.container import embedded_adapter
from pullsecret.entrypoints.demo.faults import FaultLevel, fault_rules
from pullsecret.entrypoints.demo.fleet import Fails, FleetCluster, IsSkipped, Lands, make_fleet
from pullsecret.entrypoints.demo.play import play
from pullsecret.entrypoints.demo.verify import verify
from pullsecret.infrastructure.memory.cloud import StoredVersion
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.infrastructure.memory.world import EmbeddedWorld

README = Path(__file__).parents[3] / "README.md"


def test_a_hundred_clusters_are_accounted_for(pullsecret: Command) -> None:
    ran = pullsecret("demo", "--output", "json")
    assert ran.code == 0
    summary = ran.json
    assert summary["problems"] == {}
    outcomes = {row["outcome"]: row for row in summary["outcomes"]}
    assert sum(row["clusters"] for row in outcomes.values()) == summary["clusters"] == 100
    assert set(outcomes) == {
        "(skipped)",
        "SecretCreated",
        "SecretUpdated",
        "SecretUnchanged",
        "InvalidPullSecret",
        "NamingConflict",
        "ClusterSecretConflict",
        "PermissionDenied",
        "ProjectNotFound",
    }
    assert outcomes["(skipped)"]["p50"] is None
    assert 0 < outcomes["SecretCreated"]["p50"] <= outcomes["SecretCreated"]["p95"]
    unhappy = {row["reason"] for row in summary["unhappy"]}
    assert unhappy == {outcome for outcome in outcomes if not outcome.startswith(("Secret", "("))}
    assert len(summary["unhappy"]) == sum(outcomes[reason]["clusters"] for reason in unhappy)


def test_the_table_shows_the_same(pullsecret: Command) -> None:
    ran = pullsecret("demo", "--clusters", "30", "--seed", "5")
    assert ran.code == 0
    assert "What became of the clusters" in ran.out
    assert "all where they should be" in ran.out
    assert "\x1b[" not in ran.out


@pytest.mark.parametrize("columns", [40, 59, 60, 100])
def test_nothing_is_left_out_on_a_narrow_terminal(
    pullsecret: Command, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    fleet = ("demo", "--clusters", "30", "--seed", "5")
    summary = pullsecret(*fleet, "--output", "json").json
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = pullsecret(*fleet).out
    assert max(map(len, shown.splitlines())) <= columns
    assert "…" not in shown
    told = "".join(shown.split())
    for row in summary["unhappy"]:
        assert f"{row['cluster_id']} " in shown
        # In a table its neighbours' texts come in between.
        assert columns >= 60 or "".join(row["message"].split()) in told


def test_the_readme_shows_what_the_demo_writes(pullsecret: Command) -> None:
    shown = README.read_text().partition("```text\n")[2].partition("```")[0].splitlines()
    written = [line.rstrip() for line in pullsecret("demo").out.splitlines()]
    left_out = shown.index("[...]")
    assert shown[:left_out] == written[:left_out]
    end = shown[left_out + 1 :]
    assert len(end) == 2
    assert end == written[-2:]


def test_the_same_seed_gives_the_same_run(pullsecret: Command) -> None:
    runs = [
        pullsecret("demo", "--clusters", "20", "--seed", seed, "--faults", "heavy", "--output", "json")
        for seed in (3, 3, 4)
    ]
    assert runs[0] == runs[1]
    assert runs[0].json["injected_faults"] > 50
    assert runs[2] != runs[0]


@pytest.mark.parametrize("seed", range(1, 21))
def test_nothing_is_lost_and_nothing_doubled_whatever_goes_wrong(seed: int, pullsecret: Command) -> None:
    ran = pullsecret("demo", "--clusters", "12", "--faults", "heavy", "--seed", seed, "--output", "json")
    assert ran.json["problems"] == {}
    assert ran.code == 0
    assert ran.json["injected_faults"] > 0


def test_light_faults_are_survived_too(pullsecret: Command) -> None:
    ran = pullsecret("demo", "--clusters", "30", "--faults", "light", "--output", "json")
    assert (ran.code, ran.json["problems"]) == (0, {})
    assert ran.json["injected_faults"] > 0


@attrs.frozen
class Played:
    """A world after the demo's fleet was played on it."""

    world: EmbeddedWorld
    fleet: list[FleetCluster]

    def one(self, expected: type) -> FleetCluster:
        return next(cluster for cluster in self.fleet if isinstance(cluster.expected, expected))


@pytest.fixture
def played() -> Played:
    world = EmbeddedWorld.create(1)
    fleet = make_fleet(world, 30, 1)
    build = embedded_adapter(Configuration.default(), world, world.telemetry)
    run_simulated(play(world, fleet, build, lambda: None))
    assert verify(world, fleet) == {}
    return Played(world, fleet)


OTHER = SecretPayload(b'{"auths": {"x": {"auth": "YTpi"}}}')


class TestTheProof:
    """Every kind of damage is found."""

    def test_a_lost_version(self, played: Played) -> None:
        cluster = played.one(Lands)
        self.stored(played, cluster).versions.clear()
        assert cluster.id in verify(played.world, played.fleet)

    def test_a_doubled_version(self, played: Played) -> None:
        cluster = played.one(Lands)
        versions = self.stored(played, cluster).versions
        versions.append(versions[-1])
        assert any("twice" in problem for problem in verify(played.world, played.fleet)[cluster.id])

    def test_a_version_of_somebody_else(self, played: Played) -> None:
        cluster = played.one(Lands)
        self.stored(played, cluster).versions.append(StoredVersion(OTHER))
        assert cluster.id in verify(played.world, played.fleet)

    def test_wrong_labels(self, played: Played) -> None:
        cluster = played.one(Lands)
        self.stored(played, cluster).labels.clear()
        assert verify(played.world, played.fleet)[cluster.id] == ["the secret's labels do not name it"]

    def test_a_lost_cluster_secret(self, played: Played) -> None:
        cluster = played.one(Lands)
        del played.world.control_plane.secrets[self.published(played, cluster)]
        assert verify(played.world, played.fleet)[cluster.id] == ["there is no cluster secret"]

    @pytest.mark.parametrize(
        "damage", [{"payload": OTHER}, {"type": "Opaque"}, {"labels": {}}, {"annotations": {}}]
    )
    def test_a_damaged_cluster_secret(self, played: Played, damage: dict[str, object]) -> None:
        cluster = played.one(Lands)
        secrets, ref = played.world.control_plane.secrets, self.published(played, cluster)
        secrets[ref] = attrs.evolve(secrets[ref], **damage)
        assert cluster.id in verify(played.world, played.fleet)

    @pytest.mark.parametrize("expected", [Lands, Fails])
    def test_a_missing_status(self, played: Played, expected: type) -> None:
        cluster = played.one(expected)
        del played.world.hyperfleet.statuses[cluster.id]
        assert cluster.id in verify(played.world, played.fleet)

    @pytest.mark.parametrize("expected", [Lands, Fails, IsSkipped])
    def test_the_status_of_another(self, played: Played, expected: type) -> None:
        cluster = played.one(expected)
        kinds = [Lands, Fails]
        other = played.one(kinds[not kinds.index(expected)] if expected in kinds else Lands)
        statuses = played.world.hyperfleet.statuses
        statuses[cluster.id] = statuses[other.id]
        assert cluster.id in verify(played.world, played.fleet)

    def test_a_forgotten_payload(self, played: Played) -> None:
        from pullsecret.testing.contracts.samples import new_order

        order = new_order()
        played.world.jobs.orders[order.key] = order
        assert verify(played.world, played.fleet) == {"(all)": ["1 temporary payloads are left"]}

    def stored(self, played: Played, cluster: FleetCluster):
        project = played.world.cloud.projects[cluster.newest["spec"]["gcp"]["projectId"]]
        return project.secrets[f"hyperfleet-{cluster.id}-pull-secret"]

    def published(self, played: Played, cluster: FleetCluster):
        return next(
            ref for ref in played.world.control_plane.secrets if ref.name == f"{cluster.id}-pull-secret"
        )


def test_a_fleet_that_is_not_where_it_should_be_ends_with_1(
    pullsecret: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pullsecret.entrypoints.commands import demo

    monkeypatch.setattr(demo, "verify", lambda *_: {"cls-00001": ["it is lost"]})
    assert pullsecret("demo", "--clusters", "5", "--output", "json").code == 1
    ran = pullsecret("demo", "--clusters", "5")
    assert ran.code == 1
    assert "cls-00001: it is lost" in ran.out


def test_a_fleet_that_does_not_come_to_rest_ends_with_1(
    pullsecret: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pullsecret.entrypoints.demo import play as playing

    monkeypatch.setattr(playing, "TIME_LIMIT", 60.0)
    ran = pullsecret("demo", "--clusters", "5", "--output", "json")
    assert ran.code == 1
    assert "the fleet did not come to rest" in json.dumps(ran.json["problems"])


@pytest.mark.parametrize("size", [1, 7, 99, 101])
def test_a_fleet_has_the_size_that_was_asked_for(size: int) -> None:
    fleet = make_fleet(EmbeddedWorld.create(), size, 1)
    assert len({cluster.id for cluster in fleet}) == size


def test_heavier_is_more() -> None:
    light, heavy = (
        {rule.fault: rule.probability for rule in fault_rules(level)}
        for level in (FaultLevel.LIGHT, FaultLevel.HEAVY)
    )
    assert fault_rules(FaultLevel.NONE) == ()
    assert all(light[fault] < heavy[fault] for fault in light)
