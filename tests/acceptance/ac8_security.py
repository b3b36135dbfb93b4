"""AC8: Security."""

import json
from typing import Any, Final

from tests.acceptance import scenes
from tests.acceptance.checks import Finding, When, check, require
from tests.acceptance.everything_written import places
from tests.acceptance.scenes import scene
from tests.acceptance.sightings import Sighting, connected_ports, watched_jobs
from tests.acceptance.wiretap import protocols, speaks_plain
from tests.acceptance.world import AcceptanceWorld, Cluster

from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.testing.kubernetes.audit import read_audit

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_SECURE: Final = {"TLSv1.2", "TLSv1.3"}
_EXCESS: Final = (
    (rbac.JOB, "placement", "", "secrets", "list"),
    (rbac.JOB, "placement", "", "secrets", "watch"),
    (rbac.JOB, "placement", "", "pods", "create"),
    (rbac.JOB, "system", "", "secrets", "get"),
    (rbac.JOB, "kube-system", "", "secrets", "get"),
    (rbac.JOB, "system", "batch", "jobs", "create"),
    (rbac.ADAPTER, "placement", "", "secrets", "get"),
    (rbac.ADAPTER, "placement", "", "secrets", "patch"),
    (rbac.ADAPTER, "kube-system", "", "secrets", "get"),
    (rbac.ADAPTER, "system", "", "pods", "create"),
    (rbac.ADAPTER, "system", "rbac.authorization.k8s.io", "rolebindings", "create"),
    (rbac.ADAPTER, "system", "", "serviceaccounts", "impersonate"),
)
"""Account, namespace, group, resource, verb: what a thief of an account's token would try next."""


@scene
async def watched(world: AcceptanceWorld) -> tuple[Cluster, Sighting]:
    """A cluster whose job was looked at while it ran."""
    cluster = await world.new_cluster()
    async with watched_jobs(cluster.id) as seen:
        await world.announce(cluster)
        await world.provisioned(cluster)
    require(len(seen) == 1, f"{len(seen)} job processes were seen")
    return cluster, seen[0]


@check(
    "AC8.1",
    "All that the run wrote is searched for every pull secret it gave out: logs, termination messages, "
    "metrics, statuses, Kubernetes objects and events, the API server's audit log, the broker's log; and a "
    "job's environment and command line.",
    when=When.AT_THE_END,
)
async def never_logged(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    _, sighting = await watched(world)
    searched = {
        **await places(world),
        "environment of a job": sighting.environment,
        "command line of a job": sighting.command,
    }
    empty = [name for name, text in searched.items() if not text]
    require(not empty, f"nothing was written to: {empty}")
    found = {name for name, text in searched.items() if world.traces_of_payloads(text)}
    require(not found, f"a pull secret shows in: {sorted(found)}")
    size = sum(map(len, searched.values())) / 1e6
    return Finding(
        f"0 of {len(world.payloads)} pull secrets in {len(searched)} places, {size:.1f} MB",
        ", ".join(searched),
    )


@check(
    "AC8.2",
    "Every connection of the run goes through a listener that reads its first bytes; the adapter's and a "
    "job's sockets, by the kernel, must lead there only; and each server is asked in plain HTTP.",
    when=When.AT_THE_END,
)
async def tls(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    _, sighting = await watched(world)
    taps = list(world.taps.values())
    counted = protocols(taps)
    require(counted and set(counted) <= _SECURE, f"connections by protocol: {counted}")
    silent = [tap.name for tap in taps if not protocols([tap])]
    require(not silent, f"nobody talked to {silent}")
    assert world.adapter.child is not None
    ports = {tap.port for tap in taps}
    elsewhere = (connected_ports(world.adapter.child.process.pid) | sighting.ports) - ports
    require(sighting.ports and not elsewhere, f"connections past the listeners, to ports {elsewhere}")
    plain = [tap.name for tap in taps if await speaks_plain(tap.port)]
    require(not plain, f"plain HTTP is answered by {plain}")
    told = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    return Finding(f"{told}, 0 without TLS", f"{', '.join(tap.name for tap in taps)}")


@check(
    "AC8.3", "The user ids of a job's process while it runs, by the kernel, and its pod's security context."
)
async def non_root(world: AcceptanceWorld) -> Finding:
    cluster, sighting = await watched(world)
    uids = set(sighting.status["Uid"].split())
    require(uids == {"1000"}, f"uids {uids}")
    context = (await _pod(world, cluster))["securityContext"]
    require((context["runAsUser"], context["runAsNonRoot"]) == (1000, True), f"{context}")
    return Finding("real, effective, saved and file system uid 1000; runAsNonRoot", "of `pullsecret job`")


@check(
    "AC8.4",
    "`no_new_privs` and the capabilities of a job's process, by the kernel, and its container's security "
    "context.",
)
async def no_escalation(world: AcceptanceWorld) -> Finding:
    cluster, sighting = await watched(world)
    kernel = {name: sighting.status[name] for name in ("NoNewPrivs", "CapEff", "CapPrm", "CapBnd")}
    require(kernel["NoNewPrivs"] == "1", f"{kernel}")
    require(all(int(kernel[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapBnd")), f"{kernel}")
    context = (await _pod(world, cluster))["containers"][0]["securityContext"]
    require(context["allowPrivilegeEscalation"] is False, f"{context}")
    require(context["capabilities"] == {"drop": ["ALL"]}, f"{context}")
    return Finding("allowPrivilegeEscalation false; NoNewPrivs 1, no capabilities")


@check(
    "AC8.5", "How `/` is mounted in a job's own view, by the kernel, and its container's security context."
)
async def read_only_root(world: AcceptanceWorld) -> Finding:
    cluster, sighting = await watched(world)
    require("ro" in sighting.root_options.split(","), f"/ is mounted {sighting.root_options}")
    context = (await _pod(world, cluster))["containers"][0]["securityContext"]
    require(context["readOnlyRootFilesystem"] is True, f"{context}")
    return Finding(f"readOnlyRootFilesystem true; / is mounted {sighting.root_options}")


@check(
    "AC8.6",
    "By the API server's audit log: no call of the run was refused, and none needed a right beyond the two "
    "tables; further rights are asked for by SubjectAccessReview and must be denied.",
    when=When.AT_THE_END,
)
async def minimal_rights(world: AcceptanceWorld) -> Finding:
    await scenes.everything(world)
    cluster = await scenes.created(world)
    tables = {
        rbac.ADAPTER: [*rbac.ADAPTER_RULES, *rbac.DRIFT_RULES],
        rbac.JOB: [*rbac.JOB_RULES, *rbac.JOB_LOOK_RULES],
    }
    told = []
    for account, rules in tables.items():
        granted = {(rule.group, rule.resource, verb) for rule in rules for verb in rule.verbs}
        require(not any("*" in right for right in granted), f"{account} has a wildcard")
        record = read_audit(world.system.control_plane.audit_log, account, world.system.namespace)
        used = {(use.group, use.resource, use.verb) for use in record.allowed}
        require(not record.refused, f"{account} was refused: {dict(record.refused)}")
        require(used and used <= granted, f"{account} used {used - granted}, which its table lacks")
        told.append(f"{account}: {len(used)} of {len(granted)} rights used, 0 calls refused")
    names = {"system": world.system.namespace, "placement": cluster.namespace}
    for account, where, group, resource, verb in _EXCESS:
        allowed = await _allowed(world, account, names.get(where, where), group, resource, verb)
        require(not allowed, f"{account} may {verb} {resource} in {where}")
    return Finding(
        f"{'; '.join(told)}; {len(_EXCESS)} of {len(_EXCESS)} further rights denied",
        "tests/system/test_least_privilege.py shows that no right is idle",
    )


@check(
    "AC8.validation",
    "`kubectl get pod -o jsonpath={.spec.securityContext}`: Kubernetes keeps the last two in the "
    "container's, so both are read.",
)
async def security_context(world: AcceptanceWorld) -> Finding:
    cluster, _ = await watched(world)
    spec = await _pod(world, cluster)
    both = spec["securityContext"] | spec["containers"][0]["securityContext"]
    names = ("runAsNonRoot", "runAsUser", "allowPrivilegeEscalation", "readOnlyRootFilesystem")
    found = {name: both.get(name) for name in names}
    require(list(found.values()) == [True, 1000, False, True], json.dumps(found))
    return Finding(json.dumps(found))


async def _pod(world: AcceptanceWorld, cluster: Cluster) -> dict[str, Any]:
    (pod,) = await world.pods(cluster)
    spec: dict[str, Any] = pod["spec"]
    return spec


async def _allowed(
    world: AcceptanceWorld, account: str, namespace: str, group: str, resource: str, verb: str
) -> bool:
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    user = f"system:serviceaccount:{world.system.namespace}:{account}"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes},
    }
    answer = await world.admin.call("create", _REVIEWS, review)
    return bool(answer.body["status"]["allowed"])
