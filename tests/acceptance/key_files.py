"""Private keys of Google service accounts: how they look, and that the job takes none."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_KEY: Final = re.compile(
    r'"private_key"\s*:\s*"-----BEGIN (?:RSA )?PRIVATE KEY-----(?:\\n|\n)[A-Za-z0-9+/=\\n]{100,}'
)
_ANSWER: Final = "never uses key files"


def keys_in(text: str) -> list[str]:
    """Where a service account's key begins in ``text``."""
    return [found[0][:40] for found in _KEY.finditer(text)]


def key_file_is_refused(folder: Path, kubeconfig: Path) -> str:
    """Give the job process a key file, as somebody might, and return what it says.

    Raises AssertionError if it takes it.
    """
    key = folder / "service-account-key.json"
    document = {
        "type": "service_account",
        "client_email": "robot@customer-prod-12345.iam.gserviceaccount.com",
        "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    }
    key.write_text(json.dumps(document))
    payload = folder / "pull-secret.json"
    payload.write_text(json.dumps({"auths": {"quay.io": {"auth": "cm9ib3Q6eA=="}}}))
    environment = {
        "PATH": "/usr/bin:/bin",
        "CLUSTER_ID": "cls-key",
        "GCP_PROJECT_ID": "customer-prod-12345",
        "MANAGEMENT_NAMESPACE": "clusters-cls-key",
        "PULL_SECRET_FILE": str(payload),
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "TERMINATION_MESSAGE_PATH": str(folder / "key-file-termination-log"),
        "KUBECONFIG": str(kubeconfig),
    }
    program = Path(sys.executable).parent / "pullsecret"
    ended = subprocess.run(
        [str(program), "job"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    told = ended.stdout + ended.stderr
    assert ended.returncode != 0, "the job took a key file"
    assert _ANSWER in told, told
    key.unlink()
    return f"exit code {ended.returncode}, 'This service {_ANSWER}'"
