"""The one table of what we may do in Kubernetes; ``deploy/rbac`` is generated from it.

``python -m pullsecret.infrastructure.kubernetes.rbac deploy/rbac`` writes the files. The integration suite
runs under exactly these rules and compares them with the API server's audit log: nothing is refused, and no
rule is without use.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import yaml

from pullsecret.infrastructure.kubernetes.api import Object

SYSTEM_NAMESPACE: Final = "hyperfleet-system"
ADAPTER: Final = "pullsecret-adapter"
JOB: Final = "pullsecret-adapter-job"
JOB_CREATE: Final = "pullsecret-adapter-job-create-namespaces"
JOB_LOOK: Final = "pullsecret-adapter-job-namespaces"
DRIFT: Final = "pullsecret-adapter-drift"


@attrs.frozen
class Rule:
    """Verbs on one resource, and what they are needed for."""

    group: str
    resource: str
    verbs: Sequence[str]
    purpose: str

    @property
    def manifest(self) -> Object:
        """The rule as RBAC writes it."""
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": list(self.verbs)}


ADAPTER_RULES: Final = (
    Rule(
        "batch",
        "jobs",
        ("create", "delete", "get", "list", "patch", "watch"),
        "submit, release, take up and report jobs; delete one whose payload another submission took",
    ),
    Rule("", "pods", ("list", "watch"), "read a job's result from its pod's termination message"),
    Rule(
        "",
        "secrets",
        ("create", "delete", "get", "list", "patch"),
        "keep a job's payload; only metadata is ever read back",
    ),
    Rule("", "events", ("create",), "tell what kubectl describe shows"),
)
"""In the system namespace."""

JOB_RULES: Final = (
    Rule(
        "",
        "secrets",
        ("create", "delete", "get", "patch"),
        "write the cluster secret by server-side apply; delete it with its cluster",
    ),
)
"""In each placement namespace."""

JOB_LOOK_RULES: Final = (
    Rule("", "namespaces", ("get",), "tell a placement namespace that is not there from a missing right"),
)
"""In the whole cluster: only so can the job tell why it is refused."""

JOB_CREATE_RULES: Final = (Rule("", "namespaces", ("create",), "make a missing placement namespace"),)
"""In the whole cluster, and only where jobs are to make placement namespaces."""

DRIFT_RULES: Final = (
    Rule(
        "", "secrets", ("list", "watch"), "see that a cluster secret was deleted or altered (metadata only)"
    ),
)
"""In every namespace, and only where drift detection is switched on."""


def manifests() -> dict[str, list[Object]]:
    """The files of ``deploy/rbac`` and the objects in each."""
    return {
        "adapter.yaml": [
            _account(ADAPTER),
            _role("Role", ADAPTER, ADAPTER_RULES, SYSTEM_NAMESPACE),
            _binding("RoleBinding", ADAPTER, "Role", ADAPTER, ADAPTER, SYSTEM_NAMESPACE),
        ],
        "job.yaml": [
            _account(JOB),
            _role("ClusterRole", JOB, JOB_RULES),
            _role("ClusterRole", JOB_LOOK, JOB_LOOK_RULES),
            _binding("ClusterRoleBinding", JOB_LOOK, "ClusterRole", JOB_LOOK, JOB),
        ],
        "drift.yaml": [
            _role("ClusterRole", DRIFT, DRIFT_RULES),
            _binding("ClusterRoleBinding", DRIFT, "ClusterRole", DRIFT, ADAPTER),
        ],
        "job-create-namespaces.yaml": [
            _role("ClusterRole", JOB_CREATE, JOB_CREATE_RULES),
            _binding("ClusterRoleBinding", JOB_CREATE, "ClusterRole", JOB_CREATE, JOB),
        ],
        "job-all-namespaces.yaml": [_binding("ClusterRoleBinding", JOB, "ClusterRole", JOB, JOB)],
        "job-one-namespace.yaml": [job_binding("PLACEMENT_NAMESPACE")],
    }


def job_binding(namespace: str, system_namespace: str = SYSTEM_NAMESPACE) -> Object:
    """What lets the jobs of ``system_namespace`` write cluster secrets in ``namespace``."""
    return _binding("RoleBinding", JOB, "ClusterRole", JOB, JOB, namespace, system_namespace)


def objects_for(system_namespace: str) -> list[Object]:
    """Accounts and rights in a system namespace of another name, beside those of the default one."""
    return [
        _account(ADAPTER, system_namespace),
        _account(JOB, system_namespace),
        _role("Role", ADAPTER, ADAPTER_RULES, system_namespace),
        _binding("RoleBinding", ADAPTER, "Role", ADAPTER, ADAPTER, system_namespace, system_namespace),
        _role("ClusterRole", JOB, JOB_RULES),
        _role("ClusterRole", JOB_LOOK, JOB_LOOK_RULES),
        _cluster_binding(JOB_LOOK, JOB, system_namespace),
    ]


def drift_objects_for(system_namespace: str) -> list[Object]:
    """What drift detection needs there."""
    return [_role("ClusterRole", DRIFT, DRIFT_RULES), _cluster_binding(DRIFT, ADAPTER, system_namespace)]


def namespace_making_objects_for(system_namespace: str) -> list[Object]:
    """What jobs that make placement namespaces need there: everything in all namespaces."""
    return [
        _role("ClusterRole", JOB_CREATE, JOB_CREATE_RULES),
        _cluster_binding(JOB_CREATE, JOB, system_namespace),
        _cluster_binding(JOB, JOB, system_namespace),
    ]


def write(folder: Path) -> None:
    """Write the files into ``folder``."""
    for name, text in rendered().items():
        (folder / name).write_text(text)


def rendered() -> dict[str, str]:
    """The text of each file."""
    header = "# Generated: python -m pullsecret.infrastructure.kubernetes.rbac deploy/rbac\n"
    return {
        name: header + yaml.safe_dump_all(objects, sort_keys=False) for name, objects in manifests().items()
    }


def _account(name: str, namespace: str = SYSTEM_NAMESPACE) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }


def _role(kind: str, name: str, rules: Sequence[Rule], namespace: str | None = None) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "rules": [rule.manifest for rule in rules],
    }


def _binding(
    kind: str,
    name: str,
    role_kind: str,
    role: str,
    account: str,
    namespace: str | None = None,
    account_namespace: str = SYSTEM_NAMESPACE,
) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": account_namespace}],
    }


def _cluster_binding(role: str, account: str, system_namespace: str) -> Object:
    name = f"{role}-{system_namespace}"
    return _binding("ClusterRoleBinding", name, "ClusterRole", role, account, None, system_namespace)


def _metadata(name: str, namespace: str | None) -> Object:
    return {"name": name} | ({"namespace": namespace} if namespace else {})


if __name__ == "__main__":
    write(Path(sys.argv[1]))
