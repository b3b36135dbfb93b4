"""etcd, kube-apiserver and kube-controller-manager as local processes."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import urllib3
import yaml

from pullsecret.infrastructure.kubernetes.connection import from_kubeconfig
from pullsecret.testing.kubernetes.binaries import Binaries
from pullsecret.testing.kubernetes.certificates import Certificates, KeyPair
from pullsecret.testing.kubernetes.processes import Child, free_port, start
from pullsecret.testing.patience import PATIENCE

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
CONTROLLERS: Final = (
    "job-controller",
    "ttl-after-finished-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
)

# The servers live for minutes and have memory enough; who looks for garbage less often takes less time.
_GARBAGE_COLLECTION: Final = {"GOGC": "400"}

# Who did what to which object, and whether it was allowed; never a body, since bodies hold payloads.
_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlaneError(RuntimeError):
    """A component did not start; the message holds the end of its log."""


class ControlPlane:
    """A control plane on free loopback ports: TLS, RBAC, bound tokens, Pod Security admission, audit log.

    A context manager; every process and file is gone after it. ``folder`` should be on a fast
    file system, since etcd writes there.
    """

    def __init__(self, binaries: Binaries, folder: Path) -> None:
        self._binaries = binaries
        self.folder = folder
        """Where its files are."""
        self._certificates = Certificates(folder)
        self._signing_key = self._certificates.signing_key()
        self._admin = self._certificates.client("admin", "system:masters")
        self._etcd_port, self._etcd_peer_port, self.port = free_port(), free_port(), free_port()
        self._etcd: Child | None = None
        self._controllers: Child | None = None
        self._apiserver: Child | None = None
        self.audit_log = folder / "audit.log"
        self.kubeconfig = folder / "admin.kubeconfig"
        """Everything is allowed with it."""
        self.ca = self._certificates.ca

    @property
    def url(self) -> str:
        """The API server's base URL."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def etcd_url(self) -> str:
        """Where etcd answers; it asks nobody who they are."""
        return f"http://127.0.0.1:{self._etcd_port}"

    def admin(self) -> Any:
        """A client configuration that may do everything."""
        return from_kubeconfig(self.kubeconfig)

    def server_certificate(self) -> KeyPair:
        """The API server's certificate, for a proxy that stands in for it."""
        return KeyPair(self.folder / "apiserver.crt", self.folder / "apiserver.key")

    def write_kubeconfig(self, path: Path, user: dict[str, str], server: str | None = None) -> Path:
        """A kubeconfig for ``user`` (a ``token``, or a certificate's files) at ``server``, default ours."""
        cluster = {"server": server or self.url, "certificate-authority": str(self.ca)}
        path.touch(mode=0o600)
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "test", "cluster": cluster}],
                    "users": [{"name": "test", "user": user}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "current-context": "test",
                }
            )
        )
        return path

    def __enter__(self) -> Self:
        self._certificates.server("apiserver", "localhost", "127.0.0.1", "kubernetes.default.svc")
        self.write_kubeconfig(self.kubeconfig, _certificate_user(self._admin))
        try:
            self._etcd = self._start_etcd()
            self._await_ready("etcd", self._etcd, f"{self.etcd_url}/health")
            self.start_apiserver()
            self._controllers = self._start_controllers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def start_apiserver(self) -> None:
        """Start the API server and wait until it is ready; what was stored before is still there."""
        self._apiserver = _start(self._apiserver_command(), self.folder / "kube-apiserver.log")
        self._await_ready("kube-apiserver", self._apiserver, f"{self.url}/readyz")

    def kill_apiserver(self) -> None:
        """Crash the API server (SIGKILL)."""
        assert self._apiserver is not None
        self._apiserver.kill()

    def freeze_apiserver(self) -> None:
        """Let the API server answer nothing while its connections stay open."""
        assert self._apiserver is not None
        self._apiserver.signal(signal.SIGSTOP)

    def thaw_apiserver(self) -> None:
        """Let a frozen API server go on."""
        assert self._apiserver is not None
        self._apiserver.signal(signal.SIGCONT)

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time of each component, so far."""
        children = {
            "etcd": self._etcd,
            "kube-apiserver": self._apiserver,
            "kube-controller-manager": self._controllers,
        }
        return {name: child.cpu_seconds for name, child in children.items() if child is not None}

    def _stop(self) -> None:
        for child in (self._controllers, self._apiserver, self._etcd):
            if child is not None:
                # Nothing of it is needed again, and a polite end takes ten seconds.
                child.kill()

    def _start_etcd(self) -> Child:
        client, peer = self.etcd_url, f"http://127.0.0.1:{self._etcd_peer_port}"
        command = [
            str(self._binaries.etcd),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=error",
        ]
        return _start(command, self.folder / "etcd.log")

    def _apiserver_command(self) -> list[str]:
        server = self.server_certificate()
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(json.dumps(_AUDIT_POLICY))
        return [
            str(self._binaries.controlplane),
            "kube-apiserver",
            f"--etcd-servers={self.etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            # There is no network of pods or services here.
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--tls-cert-file={server.certificate}",
            f"--tls-private-key-file={server.key}",
            f"--client-ca-file={self.ca}",
            "--authorization-mode=RBAC",
            # As OpenShift has it: who lets an object hold up its owner's deletion needs a right on the owner.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self._signing_key}",
            f"--service-account-signing-key-file={self._signing_key}",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--shutdown-delay-duration=0s",
            "--profiling=false",
            "-v=1",
        ]

    def _start_controllers(self) -> Child:
        command = [
            str(self._binaries.controlplane),
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={self._signing_key}",
            f"--root-ca-file={self.ca}",
            "--leader-elect=false",
            "--secure-port=0",
            "--concurrent-job-syncs=10",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
            "-v=1",
        ]
        return _start(command, self.folder / "kube-controller-manager.log")

    def _await_ready(self, name: str, child: Child, url: str) -> None:
        give_up = time.monotonic() + PATIENCE
        client = urllib3.PoolManager(
            ca_certs=str(self.ca),
            cert_file=str(self._admin.certificate),
            key_file=str(self._admin.key),
            retries=False,
            timeout=2.0,
        )
        while time.monotonic() < give_up:
            if not child.running:
                break
            with suppress(urllib3.exceptions.HTTPError):
                if client.request("GET", url).status == 200:
                    return
            time.sleep(0.1)
        raise ControlPlaneError(f"{name} did not become ready:\n{child.tail()}")


def _start(command: list[str], log: Path) -> Child:
    return start(command, log, os.environ | _GARBAGE_COLLECTION)


def _certificate_user(pair: KeyPair) -> dict[str, str]:
    return {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
