"""``pullsecret fake-gcp``: serve the fake until interrupted."""

import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.testing.gcp.cloud import FakeGoogleCloud

_STOP: Final = frozenset({signal.SIGINT, signal.SIGTERM})


def fake_gcp(*, port: int = 0, state: Path | None = None, plaintext: bool = False) -> ExitCode:
    """Serve a fake Google Secret Manager on localhost until interrupted.

    The first line printed is a JSON object with the addresses and the file of the certificate authority that
    clients must trust.

    Exits 0 when interrupted, 1 if the port cannot be had, 2 if the state file cannot be used.

    For example:

    ```
    pullsecret fake-gcp
    pullsecret fake-gcp --port 8085 --state secrets.json
    pullsecret fake-gcp --plaintext
    ```

    Parameters
    ----------
    port
        Port of the gRPC surface; 0 takes any free one.
    state
        File to keep the secrets in between runs. It holds them in clear.
    plaintext
        Serve without TLS, for clients that cannot be given an authority.
    """
    cloud = FakeGoogleCloud(port=port, state=state, plaintext=plaintext)
    # Before any thread begins: one that the kernel hands the signal to would not wake this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        cloud.start()
    except (ValueError, RuntimeError, OSError) as error:
        sys.stderr.write(f"fake-gcp: {error}\n")
        return ExitCode.WRONG_USE if isinstance(error, ValueError) else ExitCode.NOT_AS_IT_SHOULD_BE
    with tempfile.TemporaryDirectory(prefix="fake-gcp-") as folder:
        document = {
            "secret_manager": cloud.endpoints.secret_manager,
            "rest": cloud.endpoints.rest,
            "metadata": cloud.endpoints.metadata,
            "ca": None if plaintext else str(cloud.authority.write_certificate(Path(folder) / "ca.pem")),
        }
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
        signal.sigwait(_STOP)
        cloud.stop()
    return ExitCode.OK
