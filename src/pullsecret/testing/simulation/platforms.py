"""What the platforms below do to the world: clouds, the network, machines and their clocks."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from pullsecret.domain.rollout import Rollout
from pullsecret.testing.simulation.chaos import Cut, Part
from pullsecret.testing.simulation.incidents import Undo
from pullsecret.testing.simulation.truth import ClusterTruth

if TYPE_CHECKING:
    from pullsecret.testing.simulation.simulation import Simulation


def deny(project: str, permission: str) -> "Callable[[Simulation], Undo]":
    """Lack a permission until somebody grants it."""

    def happen(simulation: "Simulation") -> Undo:
        denied = simulation.world.cloud.project(project).denied
        denied.add(permission)
        return lambda: denied.discard(permission)

    return happen


def switch_off(name: str) -> "Callable[[Simulation], Undo]":
    """The API is disabled for a while."""

    def happen(simulation: "Simulation") -> Undo:
        project = simulation.world.cloud.project(name)
        project.api_enabled = False
        return lambda: setattr(project, "api_enabled", True)

    return happen


def quota_storm(name: str) -> "Callable[[Simulation], Undo]":
    """Others use up the project's quota."""

    def happen(simulation: "Simulation") -> Undo:
        project = simulation.world.cloud.project(name)
        before, project.writes_per_minute = project.writes_per_minute, 1
        return lambda: setattr(project, "writes_per_minute", max(before, 600))

    return happen


def stale_latest(name: str, lag: float) -> "Callable[[Simulation], Undo]":
    """``latest`` lags behind now and then, as if each call were answered by another replica of the cloud."""

    def happen(simulation: "Simulation") -> Undo:
        project, chance = simulation.world.cloud.project(name), simulation.chaos.random
        return _now_and_then(
            lambda: setattr(project, "latest_lags", chance.choice((0.0, lag))),
            lambda: setattr(project, "latest_lags", 0.0),
            chance,
        )

    return happen


def stale_reads(lag: float) -> "Callable[[Simulation], Undo]":
    """The API's clusters are read as they were now and then, as from a replica of its database."""

    def happen(simulation: "Simulation") -> Undo:
        api, chance = simulation.evidence.api, simulation.chaos.random
        return _now_and_then(
            lambda: setattr(api, "lag", chance.choice((0.0, lag))), lambda: setattr(api, "lag", 0.0), chance
        )

    return happen


def _now_and_then(change: Callable[[], None], mend: Callable[[], None], chance: random.Random) -> Undo:
    async def come_and_go() -> None:
        while True:
            change()
            await asyncio.sleep(chance.uniform(0.1, 3.0))

    coming_and_going = asyncio.get_running_loop().create_task(come_and_go())

    def undo() -> None:
        coming_and_going.cancel()
        mend()

    return undo


def missing_namespace(truth: ClusterTruth) -> "Callable[[Simulation], Undo]":
    """Placement has named the namespace but not made it yet."""

    def happen(simulation: "Simulation") -> Undo:
        namespaces, missing = simulation.world.control_plane.namespaces, truth.namespace
        namespaces.discard(missing)
        return lambda: namespaces.add(missing)

    return happen


def cut(actor: str, part: Part, *, answers_only: bool) -> "Callable[[Simulation], Undo]":
    """Two parts do not reach each other."""

    def happen(simulation: "Simulation") -> Undo:
        chaos, made = simulation.chaos, Cut(actor, part, answers_only)
        chaos.cuts.append(made)
        return lambda: chaos.cuts.remove(made) if made in chaos.cuts else None

    return happen


def jobs_clock_jump(seconds: float) -> "Callable[[Simulation], Undo]":
    """The wall clock of the nodes that jobs run on goes wrong."""

    def happen(simulation: "Simulation") -> Undo:
        clock = simulation.processes.jobs_clock
        clock.ahead = seconds
        simulation.evidence.jobs_clock_off = max(simulation.evidence.jobs_clock_off, seconds)
        return lambda: setattr(clock, "ahead", 0.0)

    return happen


def clock_jump(replica: int, seconds: float) -> "Callable[[Simulation], Undo]":
    """A replica's wall clock goes wrong."""

    def happen(simulation: "Simulation") -> Undo:
        clock, evidence = simulation.processes.replicas[replica].clock, simulation.evidence
        clock.ahead = seconds
        evidence.replicas_clock_off = max(evidence.replicas_clock_off, seconds)
        return lambda: setattr(clock, "ahead", 0.0)

    return happen


def restart(replica: int) -> "Callable[[Simulation], None]":
    """Stop a replica as a roll-out does; another one takes its place."""
    return lambda simulation: simulation.processes.replicas[replica].stop.set()


def roll_out(to: Rollout) -> "Callable[[Simulation], Undo]":
    """Configure which clusters the service is switched on for, and restart the replicas one after another."""

    def happen(simulation: "Simulation") -> Undo:
        processes = simulation.processes
        before = processes.rollout

        def configure(rollout: Rollout) -> None:
            processes.rollout = rollout
            for number in range(len(processes.replicas)):
                simulation.loop.call_later(10.0 * number, restart(number), simulation)

        configure(to)
        return lambda: configure(before)

    return happen


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
        for place in simulation.evidence.of_job(process.actor).places.values():
            place.excuses.add("a job went on after it was taken for lost")
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
