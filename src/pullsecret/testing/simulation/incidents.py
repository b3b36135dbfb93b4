"""What happens to the world from outside: owners, persons, saboteurs, and the machines below."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.cloud import StoredVersion
from pullsecret.testing.simulation.chaos import Cut, Part
from pullsecret.testing.simulation.truth import CANARY, ClusterTruth, pull_secret

if TYPE_CHECKING:
    from pullsecret.testing.simulation.simulation import Simulation

Undo = Callable[[], None]


@attrs.frozen
class Incident:
    """Something that happens at a time, and perhaps ends after a while."""

    at: float
    who: str
    what: str
    happen: "Callable[[Simulation], Undo | None]"
    lasts: float = 0.0


# What owners do


def update(truth: ClusterTruth, payload: bytes, *, usable: bool = True) -> "Callable[[Simulation], None]":
    """Give the cluster a pull secret, which makes a new generation."""

    def happen(simulation: "Simulation") -> None:
        if truth.deleted:
            return
        if not truth.generations or payload != truth.payload:
            truth.changes += 1
        generation = truth.generation + 1 if truth.generations else 1
        truth.generations[generation] = payload
        truth.usable[generation] = usable
        simulation.world.hyperfleet.put(truth.document())

    return happen


def delete(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Ask for the cluster's deletion."""

    def happen(simulation: "Simulation") -> None:
        if truth.deleted or not truth.generations:
            return
        generation = truth.generation
        truth.generations[generation + 1] = truth.payload
        truth.usable[generation + 1] = truth.usable[generation]
        truth.deleted = True
        simulation.world.hyperfleet.put(truth.document(simulation.world.clock.now().isoformat()))

    return happen


def become_ready(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Let the last of the other adapters be done."""

    def happen(simulation: "Simulation") -> None:
        truth.ready, truth.unready_until = True, simulation.loop.time()
        document = simulation.world.hyperfleet.clusters.get(truth.id)
        if document is not None:
            deleted_at = document.get("deletedTime")
            simulation.world.hyperfleet.put(truth.document(deleted_at))

    return happen


def remove_foreign(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Take somebody else's secret out of the way."""

    def happen(simulation: "Simulation") -> None:
        oracle, world = simulation.oracle, simulation.world
        if oracle.foreign_cloud.pop(truth.cloud_secret, None) is not None:
            del world.cloud.project(truth.project).secrets[truth.cloud_secret.name]
        if oracle.foreign_cluster.pop(truth.cluster_secret, None) is not None:
            del world.control_plane.secrets[truth.cluster_secret]
        truth.refusal = None

    return happen


# What others do behind the service's back


def delete_published(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Delete the cluster secret."""

    def happen(simulation: "Simulation") -> None:
        secrets = simulation.world.control_plane.secrets
        if truth.refusal is None and truth.cluster_secret in secrets:
            del secrets[truth.cluster_secret]
            truth.cluster_altered = True

    return happen


def alter_published(truth: ClusterTruth) -> "Callable[[Simulation], None]":
    """Write something else into the cluster secret."""

    def happen(simulation: "Simulation") -> None:
        control_plane = simulation.world.control_plane
        found = control_plane.secrets.get(truth.cluster_secret)
        if truth.refusal is None and found is not None:
            control_plane.put(attrs.evolve(found, payload=SecretPayload(f"{CANARY} altered".encode())))
            truth.cluster_altered = True

    return happen


def meddle(truth: ClusterTruth, how: str) -> "Callable[[Simulation], None]":
    """Disable the newest stored version, add one, or delete the secret."""

    def happen(simulation: "Simulation") -> None:
        stored = simulation.world.cloud.secret(truth.cloud_secret)
        if truth.refusal is not None or stored is None or not stored.versions:
            return
        match how:
            case "disable":
                stored.versions[-1].enabled = False
            case "add":
                payload = SecretPayload(f"{CANARY} meddled".encode())
                stored.versions.append(StoredVersion(payload, added_at=simulation.loop.time()))
            case _:
                del simulation.world.cloud.project(truth.project).secrets[truth.cloud_secret.name]
                truth.excuses.add("somebody deleted the stored secret, so its versions start anew")
        truth.meddled += 1
        truth.cloud_altered = True

    return happen


# What the platforms do


def deny(truth: ClusterTruth, permission: str) -> "Callable[[Simulation], Undo]":
    """Lack a permission until somebody grants it."""

    def happen(simulation: "Simulation") -> Undo:
        denied = simulation.world.cloud.project(truth.project).denied
        denied.add(permission)
        return lambda: denied.discard(permission)

    return happen


def switch_off(truth: ClusterTruth) -> "Callable[[Simulation], Undo]":
    """The API is disabled for a while."""

    def happen(simulation: "Simulation") -> Undo:
        project = simulation.world.cloud.project(truth.project)
        project.api_enabled = False
        return lambda: setattr(project, "api_enabled", True)

    return happen


def quota_storm(truth: ClusterTruth) -> "Callable[[Simulation], Undo]":
    """Others use up the project's quota."""

    def happen(simulation: "Simulation") -> Undo:
        project = simulation.world.cloud.project(truth.project)
        before, project.writes_per_minute = project.writes_per_minute, 1
        return lambda: setattr(project, "writes_per_minute", max(before, 600))

    return happen


def stale_latest(truth: ClusterTruth, lag: float) -> "Callable[[Simulation], Undo]":
    """``latest`` lags behind now and then, as if each call were answered by another replica of the cloud."""

    def happen(simulation: "Simulation") -> Undo:
        project, chance = simulation.world.cloud.project(truth.project), simulation.chaos.random

        async def come_and_go() -> None:
            while True:
                project.latest_lags = chance.choice((0.0, lag))
                await asyncio.sleep(chance.uniform(0.1, 3.0))

        coming_and_going = asyncio.get_running_loop().create_task(come_and_go())

        def undo() -> None:
            coming_and_going.cancel()
            project.latest_lags = 0.0

        return undo

    return happen


def missing_namespace(truth: ClusterTruth) -> "Callable[[Simulation], Undo]":
    """Placement has named the namespace but not made it yet."""

    def happen(simulation: "Simulation") -> Undo:
        namespaces = simulation.world.control_plane.namespaces
        namespaces.discard(truth.namespace)
        return lambda: namespaces.add(truth.namespace)

    return happen


def cut(actor: str, part: Part, *, answers_only: bool) -> "Callable[[Simulation], Undo]":
    """Two parts do not reach each other."""

    def happen(simulation: "Simulation") -> Undo:
        chaos, made = simulation.chaos, Cut(actor, part, answers_only)
        chaos.cuts.append(made)
        return lambda: chaos.cuts.remove(made) if made in chaos.cuts else None

    return happen


def clock_jump(replica: int, seconds: float) -> "Callable[[Simulation], Undo]":
    """A replica's wall clock goes wrong."""

    def happen(simulation: "Simulation") -> Undo:
        clock = simulation.processes.replicas[replica].clock
        clock.ahead = seconds
        return lambda: setattr(clock, "ahead", 0.0)

    return happen


def restart(replica: int) -> "Callable[[Simulation], None]":
    """Stop a replica as a roll-out does; another one takes its place."""
    return lambda simulation: simulation.processes.replicas[replica].stop.set()


def kill(replica: int) -> "Callable[[Simulation], None]":
    """Kill a replica wherever it is."""
    return lambda simulation: simulation.processes.replicas[replica].actor.kill()


def kill_within(steps: int) -> "Callable[[Simulation], None]":
    """Kill whichever process runs so many steps from now."""
    return lambda simulation: simulation.chaos.kill_at(simulation.loop.steps + steps)


def drain(number: int) -> "Callable[[Simulation], None]":
    """Ask a running job to stop."""

    def happen(simulation: "Simulation") -> None:
        running = list(simulation.processes.jobs.values())
        if running:
            running[number % len(running)].actor.stopping = True

    return happen


def lose_node(number: int) -> "Callable[[Simulation], Undo | None]":
    """Take a running job for lost while it still works, cut off from the control plane."""

    def happen(simulation: "Simulation") -> Undo | None:
        running = list(simulation.processes.jobs.values())
        if not running:
            return None
        process = running[number % len(running)]
        simulation.chaos.cuts.append(Cut(process.actor.name, Part.KUBERNETES, answers_only=False))
        for truth in simulation.truths.values():
            if process.actor.name.startswith(f"job pullsecret-{truth.id}-"):
                truth.excuses.add("a job went on after it was taken for lost")
        process.actor.lost = True
        if not process.given_up.done():
            process.given_up.set_result(None)
        return process.actor.kill  # The node's agent ends it as soon as it hears of the job's loss.

    return happen


def stall(replica: int, seconds: float) -> "Callable[[Simulation], None]":
    """Give a replica, and each job that runs, no processor for a while; what they knew grows old."""

    def happen(simulation: "Simulation") -> None:
        until = simulation.loop.time() + seconds
        simulation.processes.replicas[replica].actor.stalled_until = until
        for process in simulation.processes.jobs.values():
            process.actor.stalled_until = until

    return happen


def foreign_cluster_secret(truth: ClusterTruth) -> PublishedSecret:
    """Somebody else's Kubernetes secret of that name."""
    payload = SecretPayload(b"somebody else's")
    return PublishedSecret(
        truth.cluster_secret, {"managed-by": "somebody"}, {}, payload, DOCKER_CONFIG_TYPE, ""
    )


def fresh(truth: ClusterTruth, number: int) -> bytes:
    """A pull secret that the cluster did not have yet."""
    return pull_secret(truth.id, number).encode()
