"""The fake cloud as a whole: start it, point clients at it, script it, stop it."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import grpc

from pullsecret.testing.gcp.audit_log import audit_log_routes
from pullsecret.testing.gcp.faults import Fault
from pullsecret.testing.gcp.grpc_server import secret_manager_methods, start_grpc_server
from pullsecret.testing.gcp.http_server import HttpServer
from pullsecret.testing.gcp.identity_services import (
    iam_credentials_routes,
    metadata_routes,
    token_exchange_routes,
)
from pullsecret.testing.gcp.project_services import project_routes
from pullsecret.testing.gcp.quota import QuotaLimits
from pullsecret.testing.gcp.rest import rest_routes
from pullsecret.testing.gcp.secret_manager import SecretManager
from pullsecret.testing.gcp.state_file import load, save
from pullsecret.testing.gcp.tls import TestAuthority
from pullsecret.testing.gcp.world import World

_HOST = "127.0.0.1"
_NAMES = ("localhost", "127.0.0.1")
_SAVE_INTERVAL = 1.0


@attrs.frozen
class Endpoints:
    """Where the fake listens."""

    secret_manager: str
    """``host:port`` of the gRPC surface."""
    rest: str
    """Base address of everything that speaks REST: Secret Manager, the token exchange, IAM Credentials,
    Resource Manager, Service Usage, Cloud KMS and Cloud Logging."""
    metadata: str
    """``host:port`` of the metadata server, for ``GCE_METADATA_HOST``."""

    def environment(self) -> Mapping[str, str]:
        """Variables that Google's own client libraries read."""
        return {"GCE_METADATA_HOST": self.metadata}


class FakeGoogleCloud:
    """Secret Manager and the services around it, on local ports, from threads of its own.

    Open by default: anything named exists and anyone may do anything. ``closed`` makes it behave as the real
    one does towards strangers: register projects, identities and bindings through :attr:`world`.
    """

    def __init__(
        self,
        *,
        closed: bool = False,
        limits: QuotaLimits | None = None,
        port: int = 0,
        state: Path | None = None,
        plaintext: bool = False,
    ) -> None:
        self.world = World(closed=closed, limits=limits or QuotaLimits())
        self.authority = TestAuthority()
        self._port = port
        self._state = state
        self._plaintext = plaintext
        self._grpc: grpc.Server | None = None
        self._http: list[HttpServer] = []
        self._saver: threading.Thread | None = None
        self._stopping = threading.Event()
        self._endpoints: Endpoints | None = None

    @property
    def endpoints(self) -> Endpoints:
        """Where it listens. Raises RuntimeError before :meth:`start`."""
        if self._endpoints is None:
            raise RuntimeError("the fake is not started")
        return self._endpoints

    def fail(self, method: str, **how: object) -> None:
        """Script a fault: ``fail("AddSecretVersion", code=StatusCode.ABORTED, after_commit=True)``."""
        self.world.faults.add(Fault(method, **how))  # type: ignore[arg-type]

    def start(self) -> Self:
        """Start listening. Raises ValueError for an unreadable state file, RuntimeError for a taken port."""
        if self._state is not None and self._state.exists():
            load(self.world, self._state)
        methods = secret_manager_methods(SecretManager(self.world))
        identity = None if self._plaintext else self.authority.issue(*_NAMES)
        self._grpc, grpc_port = start_grpc_server(self.world, methods, _HOST, self._port, identity)
        routes = [
            *rest_routes(self.world, methods),
            *token_exchange_routes(self.world),
            *iam_credentials_routes(self.world),
            *project_routes(self.world),
            *audit_log_routes(self.world),
        ]
        context = None if self._plaintext else self.authority.server_context(*_NAMES)
        rest = HttpServer(routes, _HOST, 0, context, self.world.clock)
        metadata = HttpServer(metadata_routes(self.world), _HOST, 0, None, self.world.clock)
        self._http = [rest, metadata]
        scheme = "http" if self._plaintext else "https"
        self._endpoints = Endpoints(
            f"localhost:{grpc_port}", f"{scheme}://localhost:{rest.port}", f"127.0.0.1:{metadata.port}"
        )
        if self._state is not None:
            self._saver = threading.Thread(target=self._save_regularly, args=(self._state,), daemon=True)
            self._saver.start()
        return self

    def stop(self) -> None:
        """Stop listening, and save the state if a file was given."""
        self._stopping.set()
        if self._grpc is not None:
            self._grpc.stop(grace=None).wait()
        for server in self._http:
            server.stop()
        if self._saver is not None:
            self._saver.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _save_regularly(self, path: Path) -> None:
        while not self._stopping.wait(_SAVE_INTERVAL):
            save(self.world, path)
        save(self.world, path)
