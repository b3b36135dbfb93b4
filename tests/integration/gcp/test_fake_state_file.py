"""The fake keeps its secrets in a file when asked to."""

import stat
from pathlib import Path

import pytest

from pullsecret.testing.gcp import messages
from pullsecret.testing.gcp.access import Caller
from pullsecret.testing.gcp.cloud import FakeGoogleCloud
from pullsecret.testing.gcp.secret_manager import SecretManager

NAME = "projects/p-one/secrets/s"


def write(cloud: FakeGoogleCloud, data: bytes) -> str:
    request = messages.AddSecretVersionRequest(parent=NAME, payload={"data": data})
    return str(SecretManager(cloud.world).add_secret_version(Caller(None), request).name)


def test_secrets_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with FakeGoogleCloud(state=file) as cloud:
        request = messages.CreateSecretRequest(parent="projects/p-one", secret_id="s")
        request.secret.replication.automatic.SetInParent()
        SecretManager(cloud.world).create_secret(Caller(None), request)
        destroyed = write(cloud, b"first")
        destroy = messages.DestroySecretVersionRequest(name=destroyed)
        SecretManager(cloud.world).destroy_secret_version(Caller(None), destroy)
        write(cloud, b"second")
        before = cloud.world.secrets
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with FakeGoogleCloud(state=file) as cloud:
        assert cloud.world.secrets == before
        assert write(cloud, b"third").endswith("/versions/3")


@pytest.mark.parametrize("content", ["", "[]", '{"secrets": [{}]}'])
def test_a_foreign_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="not a state file"):
        FakeGoogleCloud(state=file).start()
    assert file.read_text() == content
