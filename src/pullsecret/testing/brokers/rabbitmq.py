"""A private RabbitMQ node: own name, ports, folder and Erlang port mapper; nothing of it is left behind."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs
import trustme

from pullsecret.testing.brokers.waiting import wait_for_port
from pullsecret.testing.kubernetes.processes import Child, free_port, start
from pullsecret.testing.patience import PATIENCE

_GREETING: Final = b"AMQP\x00\x00\x09\x01"
"""A client's first word; a node that runs answers it."""
USER: Final = "pullsecret"
PASSWORD: Final = "not-a-secret"
CERTIFICATE_USER: Final = "adapter"
"""The user of :meth:`RabbitMQNode.client_certificate`; it has no password."""


class RabbitMQMissingError(RuntimeError):
    """RabbitMQ is not installed; the message says what to do."""


@attrs.frozen
class _Programs:
    server: Path
    control: Path
    port_mapper: Path
    plugins: Path


def _programs() -> _Programs:
    # Debian's wrappers on the PATH change to the user rabbitmq; the scripts they call do not.
    folders = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    on_path = shutil.which("rabbitmq-server")
    folder = folders[-1] if folders else Path(on_path).parent if on_path else None
    epmd = shutil.which("epmd")
    if folder is None or epmd is None:
        raise RabbitMQMissingError("RabbitMQ is not installed; run 'make services'")
    return _Programs(
        folder / "rabbitmq-server", folder / "rabbitmqctl", Path(epmd), folder / "rabbitmq-plugins"
    )


@attrs.frozen
class _Ports:
    amqp: int = attrs.field(factory=free_port)
    tls: int = attrs.field(factory=free_port)
    distribution: int = attrs.field(factory=free_port)
    port_mapper: int = attrs.field(factory=free_port)
    management: int = attrs.field(factory=free_port)


class RabbitMQNode:
    """A node with a plain and a TLS listener on loopback. Use :func:`rabbitmq_node` to start one."""

    def __init__(self, folder: Path) -> None:
        self._programs = _programs()
        self._folder = folder
        self._ports = _Ports()
        self._children: list[Child] = []
        self._managed = False
        self._authority = trustme.CA(organization_name="pullsecret test broker")
        self.ca = folder / "ca.pem"
        self._write_files()

    @property
    def port(self) -> int:
        """Of the plain listener."""
        return self._ports.amqp

    @property
    def tls_port(self) -> int:
        """Of the listener that asks for a client certificate and takes none as well."""
        return self._ports.tls

    @property
    def address(self) -> str:
        """Host and port of the plain listener."""
        return f"127.0.0.1:{self.port}"

    def url(self, user: str = USER, password: str = PASSWORD, port: int | None = None) -> str:
        """For a client that may do everything, unless another user is named."""
        return f"amqp://{quote(user)}:{quote(password)}@127.0.0.1:{port or self.port}/"

    def start(self) -> None:
        """Start the node; returns once it takes connections."""
        mapper = [str(self._programs.port_mapper), "-port", str(self._ports.port_mapper)]
        self._children.append(start(mapper, self._folder / "epmd.log", self._environment))
        self.start_server()

    def start_server(self) -> None:
        """Start the server process, for the first time or again, with what it kept."""
        # A node that is killed may leave a dump in its working directory.
        command = ["env", f"--chdir={self._folder}", str(self._programs.server)]
        child = start(command, self._folder / "server.log", self._environment)
        self._children.append(child)
        # The node takes connections once all else of it runs.
        wait_for_port(child, self.port, says=_GREETING)

    def shut_server_down(self) -> None:
        """End the server in order: it closes its clients' connections first."""
        self.control("stop")
        self._children.pop().process.wait()

    def kill_server(self) -> None:
        """End the server as a crash would."""
        _kill(self._children.pop())

    def stop(self) -> None:
        """End everything."""
        while self._children:
            _kill(self._children.pop())

    def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` with these arguments writes; raises if it fails."""
        return self._call(self._programs.control, "--quiet", *arguments)

    def _call(self, program: Path, *arguments: str) -> str:
        command = [str(program), *arguments]
        done = subprocess.run(  # noqa: S603 - fixed program, arguments of the tests
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout} {done.stderr}")
        return done.stdout

    def enable_management(self) -> str:
        """Enable the management plugin; returns its URL. :data:`USER` may use it."""
        if not self._managed:  # it takes seconds
            self._call(self._programs.plugins, "enable", "rabbitmq_management")
            self._managed = True
        return f"http://127.0.0.1:{self._ports.management}"

    def add_user(self, name: str, configure: str = ".*", write: str = ".*", read: str = ".*") -> None:
        """A user with the common password and these permissions (regular expressions)."""
        self.control("add_user", name, PASSWORD)
        self.set_permissions(name, configure, write, read)

    def set_permissions(self, name: str, configure: str, write: str, read: str) -> None:
        """Replace a user's permissions."""
        self.control("set_permissions", name, configure, write, read)

    def client_certificate(self) -> tuple[Path, Path]:
        """Certificate and key (PEM) of :data:`CERTIFICATE_USER`."""
        certificate, key = self._folder / "client.pem", self._folder / "client.key"
        leaf = self._authority.issue_cert("adapter.test", common_name=CERTIFICATE_USER)
        certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
        leaf.private_key_pem.write_to_path(key)
        return certificate, key

    @property
    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._ports.port_mapper),
            "RABBITMQ_NODENAME": f"pullsecret-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._ports.distribution),
            # Any; else all commands on the machine share eleven ports.
            "RABBITMQ_CTL_DIST_PORT_MIN": "0",
            "RABBITMQ_CTL_DIST_PORT_MAX": "0",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Else the script leaves the server to a child, which would outlive it.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            # Schedulers that spin while idle take time from the other processes of the tests.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2",
        }

    def _write_files(self) -> None:
        folder = self._folder
        for name in ("data", "log"):
            (folder / name).mkdir()
        self._authority.cert_pem.write_to_path(self.ca)
        server = self._authority.issue_cert("localhost", "127.0.0.1")
        (folder / "server.pem").write_bytes(server.cert_chain_pems[0].bytes())
        server.private_key_pem.write_to_path(folder / "server.key")
        (folder / "enabled_plugins").write_text("[rabbitmq_auth_mechanism_ssl].\n")
        settings = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "listeners.ssl.1": f"127.0.0.1:{self.tls_port}",
            "ssl_options.cacertfile": self.ca,
            "ssl_options.certfile": folder / "server.pem",
            "ssl_options.keyfile": folder / "server.key",
            "ssl_options.verify": "verify_peer",
            "ssl_options.fail_if_no_peer_cert": "false",
            "ssl_cert_login_from": "common_name",
            "auth_mechanisms.1": "PLAIN",
            "auth_mechanisms.2": "EXTERNAL",
            "default_user": USER,
            "default_pass": PASSWORD,
            "loopback_users": "none",
            "disk_free_limit.absolute": "1MB",
            "log.console": "false",
        }
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        (folder / "rabbitmq.conf").write_text("".join(lines))
        # The other file takes no keys of a plugin that is not enabled yet.
        listener = f'{{tcp_config, [{{port, {self._ports.management}}}, {{ip, "127.0.0.1"}}]}}'
        (folder / "advanced.config").write_text(f"[{{rabbitmq_management, [{listener}]}}].\n")


def _kill(child: Child) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()


@contextmanager
def rabbitmq_node(folder: Path) -> Iterator[RabbitMQNode]:
    """A running node that keeps its files in ``folder``. Raises :class:`RabbitMQMissingError`."""
    node = RabbitMQNode(folder)
    try:
        node.start()
        yield node
    finally:
        node.stop()
