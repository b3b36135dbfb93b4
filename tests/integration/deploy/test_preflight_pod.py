"""The guide's pod for ``pullsecret preflight``: a namespace that enforces Pod Security lets it in."""

import json
import re
import uuid
from typing import Any

import pytest
from tests.integration.deploy.conftest import ROOT

from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.system import create_namespace


def overrides() -> Any:
    """What the page's ``kubectl run`` lays over the pod."""
    page = (ROOT / "docs" / "preflight.md").read_text()
    command = page.partition("\nkubectl run preflight ")[2].partition("\n```")[0]
    (given,) = re.findall(r"--overrides='(.*?)'", command, re.DOTALL)
    assert "--override-type=strategic" in command, "the container would be replaced, not changed"
    return json.loads(given)


def pod_of(changes: Any) -> Object:
    """The pod that ``kubectl run`` makes; a strategic merge matches containers by name."""
    (container,) = changes["spec"].get("containers", [{"name": "preflight"}])
    assert container["name"] == "preflight"
    made = {"image": "pullsecret", "command": ["pullsecret", "preflight"], "stdin": True, "tty": True}
    spec = {**changes["spec"], "restartPolicy": "Never", "containers": [{**made, **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "preflight"}, "spec": spec}


@pytest.mark.service
async def test_the_pod_passes_the_restricted_pod_security_level(control_plane: ControlPlane) -> None:
    pod = pod_of(overrides())
    namespace = f"hyperfleet-{uuid.uuid4().hex[:8]}"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": rbac.JOB}}
    async with KubernetesApi(control_plane.admin()) as api:
        await create_namespace(api, namespace, {"pod-security.kubernetes.io/enforce": "restricted"})
        await api.call("create", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        answer = await api.call("create", f"/api/v1/namespaces/{namespace}/pods", pod, query=query)
    assert answer.body["spec"]["serviceAccountName"] == rbac.JOB
