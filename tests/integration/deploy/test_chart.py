"""The chart: what it renders is committed, and a real API server takes it."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from deploy.generate.__main__ import MANIFESTS, manifests, render_chart
from tests.integration.deploy.conftest import DEPLOY, ROOT

from pullsecret.entrypoints.configuration import load
from pullsecret.infrastructure.kubernetes import rbac
from pullsecret.infrastructure.kubernetes.api import APPLY, KubernetesApi, Object
from pullsecret.testing.kubernetes.control_plane import ControlPlane
from pullsecret.testing.kubernetes.system import create_namespace

CHART = DEPLOY / "chart"
CRDS = ("prometheusrules", "scaledobjects", "servicemonitors")
"""Of others, as their projects publish them."""
GIVEN = ("--set=config.broker=rabbitmq",)
SWITCHES = {
    "defaults": (),
    "everything": (
        "--set=serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true",
        "--set=rbac.placementNamespaces={clusters-a,clusters-b},priorityClassName=system-cluster-critical",
        "--set=antiAffinity=hard,imagePullSecrets[0].name=registry,nodeSelector.pool=system",
        "--set=secretMounts[0].name=api,secretMounts[0].secretName=api,secretMounts[0].mountPath=/etc/api",
        "--set=extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy:3128,podLabels.team=sre",
        "--set=serviceAccounts.job.annotations.iam\\.gke\\.io/gcp-service-account=a@b.iam.gserviceaccount.com",
        f"--set=image.digest=sha256:{'0' * 64},rollout.share=0.1,rollout.clusters={{cls-1}}",
    ),
    "hpa": ("--set=autoscaling.enabled=true",),
    "keda": (
        "--set=autoscaling.enabled=true,autoscaling.kind=keda",
        '--set-json=autoscaling.triggers=[{"type":"rabbitmq","metadata":{"queueName":"q","value":"50"}}]',
    ),
    "closed": ("--set=networkPolicy.metricsFrom=null,rbac.driftDetection=false",),
}


@cache
def published(crd: str) -> Object:
    loaded: Object = yaml.safe_load(
        (ROOT / "tests" / "fixtures" / "contracts" / f"{crd}.crd.yaml").read_text()
    )
    return loaded


def objects(text: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(text) if document]


def one(text: str, kind: str, name: str = "pullsecret-adapter") -> Any:
    (found,) = [each for each in objects(text) if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


@pytest.fixture(scope="module", autouse=True)
def helm(required_helm: str) -> str:
    return required_helm


@pytest.fixture(scope="module")
def rendered() -> str:
    return render_chart(*GIVEN)


def test_the_committed_manifests_are_what_the_chart_renders() -> None:
    assert MANIFESTS.read_text() == manifests(), "run 'make deploy-generate'"


def test_helm_finds_nothing_to_complain_about(helm: str) -> None:
    command = [helm, "lint", "--strict", "--kube-version=1.36.0", str(CHART), *GIVEN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rights_are_exactly_those_of_the_table(rendered: str) -> None:
    everything = render_chart(*GIVEN, "--set=config.kubernetes.job.createNamespaces=true")
    granted = {
        (each["kind"], each["metadata"]["name"]): each["rules"]
        for each in objects(everything)
        if each["kind"] in ("Role", "ClusterRole")
    }
    tables = {
        ("Role", rbac.ADAPTER): rbac.ADAPTER_RULES,
        ("ClusterRole", rbac.JOB): rbac.JOB_RULES,
        ("ClusterRole", rbac.JOB_LOOK): rbac.JOB_LOOK_RULES,
        ("ClusterRole", rbac.JOB_CREATE): rbac.JOB_CREATE_RULES,
        ("ClusterRole", rbac.DRIFT): rbac.DRIFT_RULES,
    }
    assert f"name: {rbac.JOB_CREATE}\n" not in rendered
    assert granted == {name: [rule.manifest for rule in table] for name, table in tables.items()}


def test_the_pod_gets_longer_to_stop_than_the_adapter_takes() -> None:
    for grace in (5, 45):
        deployment = one(render_chart(*GIVEN, f"--set=config.shutdownGrace={grace}"), "Deployment")
        assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= grace + 10


def test_the_adapter_gets_the_roll_out_and_where_its_jobs_run() -> None:
    text = render_chart(*GIVEN, "--set=rollout.share=0.1,rollout.enabled=false,image.tag=9.9")
    config = yaml.safe_load(one(text, "ConfigMap")["data"]["adapter.yaml"])
    assert config["rollout"] == {"enabled": False, "share": 0.1, "clusters": []}
    assert config["kubernetes"]["job"]["image"] == "quay.io/hyperfleet/pullsecret:9.9"
    assert config["kubernetes"]["job"]["namespace"] == "hyperfleet-system"
    assert config["broker"] == "rabbitmq"


def test_what_the_operator_says_about_jobs_is_kept() -> None:
    text = render_chart(*GIVEN, "--set=config.kubernetes.job.image=other:1,config.kubernetes.threads=4")
    config = yaml.safe_load(one(text, "ConfigMap")["data"]["adapter.yaml"])
    assert config["kubernetes"]["job"]["image"] == "other:1"
    assert config["kubernetes"]["threads"] == 4


@pytest.mark.parametrize("placements", ["null", "{clusters-a,clusters-b}"])
def test_two_releases_have_nothing_in_common(placements: str) -> None:
    switches = (*GIVEN, f"--set=rbac.placementNamespaces={placements}")
    releases = [
        {
            (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
            for each in objects(render_chart(*switches, f"--namespace={namespace}", release=name))
        }
        for name, namespace in (("pullsecret", "hyperfleet-system"), ("canary", "hyperfleet-canary"))
    ]
    assert not releases[0] & releases[1]


def test_roles_that_are_bound_are_there() -> None:
    text = render_chart(*GIVEN, "--set=config.kubernetes.job.createNamespaces=true", release="canary")
    bound = {each["roleRef"]["name"] for each in objects(text) if each["kind"] == "ClusterRoleBinding"}
    assert bound == {each["metadata"]["name"] for each in objects(text) if each["kind"] == "ClusterRole"}
    assert len(bound) == 4


def test_what_the_configuration_names_can_be_reached() -> None:
    text = render_chart(
        "--set=config.broker=rabbitmq,config.api.url=https://hyperfleet-api.svc:8000/base",
        "--set=config.rabbitmq.urls={amqps://one.svc:15671/,amqps://[fd00::2]:15672/v,amqps://two.svc/}",
        "--set=config.rabbitmq.managementUrl=https://one.svc:15673,config.pubsub.endpoint=[fd00::3]:9443",
        "--set=config.gcp.restEndpoint=https://iam.svc:9444,config.gcp.secretManagerEndpoint=10.0.0.1:9445",
        "--set=config.tracing.endpoint=http://collector.svc:4318,config.gcp.metadataHost=metadata.svc:8080",
    )
    adapter, job = reached(text, "pullsecret-adapter"), reached(text, "pullsecret-job")
    assert {8000, 15671, 15672, 15673, 9443, 4318, 443, 5671} <= adapter
    assert {9444, 9445, 4318, 8080} <= job
    assert not {9444, 9445, 8080} & adapter
    assert not {8000, 15671, 15673, 9443} & job


def test_a_url_without_a_port_means_that_of_its_scheme() -> None:
    text = render_chart(
        "--set=config.broker=rabbitmq,config.rabbitmq.urls={amqp://[::1]/v,amqps://one.svc}",
        "--set=config.api.url=https://hyperfleet-api.svc/base",
        "--set=config.gcp.secretManagerEndpoint=secret-manager.svc,config.gcp.metadataHost=metadata.svc",
        "--set-json=networkPolicy.adapterPorts=[6443]",
        "--set-json=networkPolicy.jobPorts=[6443]",
        "--set=networkPolicy.metadataServer=false",
    )
    dns = {53, 5353}
    assert reached(text, "pullsecret-adapter") == dns | {6443, 5671, 5672, 443}
    assert reached(text, "pullsecret-job") == dns | {6443, 443, 80}


def reached(text: str, policy: str) -> set[int]:
    egress = one(text, "NetworkPolicy", policy)["spec"]["egress"]
    return {port["port"] for rule in egress for port in rule["ports"]}


def test_a_single_replica_does_not_hold_up_a_drained_node() -> None:
    for replicas in (1, 2, 6):
        budget = one(render_chart(*GIVEN, f"--set=replicas={replicas}"), "PodDisruptionBudget")
        assert budget["spec"].get("maxUnavailable") == 1
        assert "minAvailable" not in budget["spec"]


def test_a_changed_configuration_restarts_the_pods() -> None:
    pods = [
        one(render_chart(*GIVEN, f"--set=rollout.share={share}"), "Deployment")["spec"]["template"]
        for share in (0.1, 0.5)
    ]
    checksums = {pod["metadata"]["annotations"]["checksum/config"] for pod in pods}
    assert len(checksums) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "replicas=0",
        "rollout.share=1.5",
        "rolout.share=0.1",
        "image.digest=latest",
        "secretMounts[0].name=only",
        "config.broker=",
        "config.health.enabled=false",
        "config.health.host=127.0.0.1",
        "networkPolicy.jobPorts={99999}",
    ],
)
def test_wrong_values_are_refused(helm: str, wrong: str) -> None:
    command = [helm, "template", "x", str(CHART), "--kube-version=1.36.0", *GIVEN, f"--set={wrong}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@pytest.fixture
async def admin(control_plane: ControlPlane) -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi(control_plane.admin()) as api:
        await asyncio.gather(*(install_crd(api, published(crd)) for crd in CRDS))
        yield api


async def install_crd(api: KubernetesApi, crd: Object) -> None:
    """Install a CRD and wait until its objects can be made."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    query = {"fieldManager": "test", "force": "true"}
    await api.call("patch", path, crd, content_type=APPLY, query=query)
    while True:
        conditions = (await api.get(path)).get("status", {}).get("conditions") or []
        if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
            return
        await asyncio.sleep(0.05)


async def dry_run(api: KubernetesApi, thing: Object) -> None:
    """Server-side apply without effect; an unknown or misplaced field is an error."""
    path = await collection(api, thing)
    query = {"dryRun": "All", "fieldManager": "test", "force": "true", "fieldValidation": "Strict"}
    path = f"{path}/{thing['metadata']['name']}"
    await api.call("patch", path, thing, content_type=APPLY, query=query)


async def collection(api: KubernetesApi, thing: Object) -> str:
    version, kind = thing["apiVersion"], thing["kind"]
    base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    resources = (await api.get(base))["resources"]
    (found,) = [each for each in resources if each["kind"] == kind and "/" not in each["name"]]
    if not found["namespaced"]:
        return f"{base}/{found['name']}"
    return f"{base}/namespaces/{thing['metadata']['namespace']}/{found['name']}"


async def system_namespace(api: KubernetesApi) -> str:
    name = f"hyperfleet-{uuid.uuid4().hex[:8]}"
    await create_namespace(api, name, {"pod-security.kubernetes.io/enforce": "restricted"})
    return name


async def ensure_namespaces(api: KubernetesApi, *names: str) -> None:
    for name in names:
        if await api.get_or_none(f"/api/v1/namespaces/{name}") is None:
            await create_namespace(api, name)


@pytest.mark.service
@pytest.mark.parametrize("switches", SWITCHES)
async def test_a_real_api_server_takes_all_of_it(admin: KubernetesApi, switches: str) -> None:
    await ensure_namespaces(admin, "clusters-a", "clusters-b")
    namespace = await system_namespace(admin)
    text = render_chart(*GIVEN, *SWITCHES[switches], f"--namespace={namespace}")
    for thing in objects(text):
        await dry_run(admin, thing)


@pytest.mark.service
async def test_the_committed_manifests_are_taken_too(admin: KubernetesApi) -> None:
    await ensure_namespaces(admin, "hyperfleet-system")
    for thing in objects(MANIFESTS.read_text()):
        await dry_run(admin, thing)


@pytest.mark.service
async def test_the_pod_passes_the_restricted_pod_security_level(admin: KubernetesApi) -> None:
    namespace = await system_namespace(admin)
    await admin.call("create", f"/api/v1/namespaces/{namespace}/serviceaccounts", account())
    template = one(render_chart(*GIVEN, *SWITCHES["defaults"]), "Deployment")["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "adapter-"},
        "spec": template["spec"],
    }
    await admin.call("create", f"/api/v1/namespaces/{namespace}/pods", pod, query={"dryRun": "All"})


def account() -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": rbac.ADAPTER}}


async def remove_roles_of_other_tests(api: KubernetesApi) -> None:
    """Helm takes over nothing that it did not make; who needs the roles makes them anew."""
    for name in (rbac.JOB, rbac.JOB_LOOK, rbac.DRIFT):
        path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"
        if await api.get_or_none(path) is not None:
            await api.call("delete", path)


@pytest.fixture
def release(control_plane: ControlPlane, helm: str) -> Callable[..., str]:
    """Runs Helm against the control plane."""

    def run(*arguments: str) -> str:
        command = [helm, f"--kubeconfig={control_plane.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
async def namespace(admin: KubernetesApi, release: Callable[..., str]) -> AsyncIterator[str]:
    """To install a release in; whatever becomes of the test, the release is gone afterwards."""
    name = await system_namespace(admin)
    await remove_roles_of_other_tests(admin)
    yield name
    release("uninstall", "pullsecret", f"--namespace={name}", "--ignore-not-found")


@pytest.mark.service
async def test_install_upgrade_and_roll_back(admin: KubernetesApi, release: Any, namespace: str) -> None:
    here, values = f"--namespace={namespace}", ["--reuse-values", "--set"]

    async def share() -> float:
        config = await admin.get(f"/api/v1/namespaces/{namespace}/configmaps/pullsecret-adapter")
        shown: float = yaml.safe_load(config["data"]["adapter.yaml"])["rollout"]["share"]
        return shown

    release("install", "pullsecret", str(CHART), here, *GIVEN, "--set=rollout.share=0.1")
    assert await share() == 0.1
    release("upgrade", "pullsecret", str(CHART), here, *values, "rollout.share=0.5")
    assert await share() == 0.5
    release("rollback", "pullsecret", "1", here)
    assert await share() == 0.1
    deployment = await admin.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/pullsecret-adapter")
    assert deployment["spec"]["replicas"] == 2
    revisions = json.loads(release("history", "pullsecret", here, "--output=json"))
    assert [each["status"] for each in revisions] == ["superseded", "superseded", "deployed"]
    release("uninstall", "pullsecret", here)
    left = await admin.get_or_none(f"/apis/apps/v1/namespaces/{namespace}/deployments/pullsecret-adapter")
    assert left is None


KEEPING: Final = "--reset-then-reuse-values"


def earlier_chart(folder: Path) -> Path:
    """The chart with the disruption budget of before ``maxUnavailable``."""
    chart = shutil.copytree(CHART, folder / "chart")
    (chart / "values.schema.json").unlink()
    values = chart / "values.yaml"
    changed = values.read_text().replace("  maxUnavailable: 1\n", "  minAvailable: 1\n")
    assert changed != values.read_text()
    values.write_text(changed)
    return chart


def documented_steps(page: str, namespace: str, keeping: str = KEEPING) -> list[list[str]]:
    """The arguments of Helm in a guide, step by step, from the first that keeps values on; ``keeping`` is how
    it does."""
    guide = (ROOT / "docs" / page).read_text()
    lines = re.findall(rf"^ *helm (upgrade .* {KEEPING} .*|uninstall .*)$", guide, re.MULTILINE)
    replaced = {"deploy/chart": str(CHART), KEEPING: keeping, "hyperfleet-system": namespace}
    return [[replaced.get(word, word) for word in shlex.split(line)] for line in lines]


@pytest.mark.service
@pytest.mark.parametrize("keeping", [KEEPING, "--reuse-values"])
async def test_the_values_of_an_earlier_release_are_taken(
    release: Any, namespace: str, tmp_path: Path, keeping: str
) -> None:
    here, given = f"--namespace={namespace}", "--set=podDisruptionBudget.minAvailable=1"
    release("install", "pullsecret", str(earlier_chart(tmp_path)), here, *GIVEN, given)
    steps = documented_steps("upgrade.md", namespace, keeping)
    for step in steps:
        release(*step)
    assert len(steps) == 3
    assert (
        one(release("get", "manifest", "pullsecret", here), "PodDisruptionBudget")["spec"]["maxUnavailable"]
        == 1
    )


@pytest.mark.service
async def test_the_guide_switches_off_before_it_uninstalls(
    admin: KubernetesApi, release: Any, namespace: str
) -> None:
    config = f"/api/v1/namespaces/{namespace}/configmaps/pullsecret-adapter"
    release("install", "pullsecret", str(CHART), f"--namespace={namespace}", *GIVEN)
    switch_off, uninstall = documented_steps("operate.md", namespace)
    release(*switch_off)
    shown = await admin.get(config)
    assert yaml.safe_load(shown["data"]["adapter.yaml"])["rollout"]["enabled"] is False
    release(*uninstall)
    assert await admin.get_or_none(config) is None


@pytest.mark.parametrize("switches", SWITCHES)
def test_the_adapter_can_read_its_configuration(switches: str, tmp_path: Path) -> None:
    text = render_chart(*GIVEN, *SWITCHES[switches])
    file = tmp_path / "adapter.yaml"
    file.write_text(one(text, "ConfigMap")["data"]["adapter.yaml"])
    configuration = load(file, {})
    assert configuration.kubernetes_settings.job.namespace == "hyperfleet-system"
    assert (configuration.drift is None) == (switches == "closed")
