"""A trust file that cannot be used is told as such, whichever client meets it first."""

import ssl
from pathlib import Path

import pytest

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.gcp.https_json import HttpsJson
from pullsecret.infrastructure.gcp.secret_manager_api import open_channel
from pullsecret.infrastructure.gcp.settings import GoogleSettings


@pytest.fixture(params=["missing", "a folder", "empty", "no certificate", "no text"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / "ca.pem"
    match request.param:
        case "a folder":
            made.mkdir()
        case "empty":
            made.touch()
        case "no certificate":
            made.write_text("-----BEGIN PRIVATE KEY-----")
        case "no text":
            made.write_bytes(b"\xff\x00")
    return made


def told(raised: pytest.ExceptionInfo[PermanentError], file: Path) -> None:
    assert raised.value.reason is Reason.WRONG_CONFIGURATION
    assert raised.value.subject == str(file)
    assert "gcp.trustFile" in raised.value.remedy
    assert raised.value.__cause__ is None


async def test_the_channel_names_it(file: Path) -> None:
    with pytest.raises(PermanentError) as raised:
        open_channel(GoogleSettings(trust_file=file))
    told(raised, file)


async def test_requests_name_it(file: Path) -> None:
    with pytest.raises(PermanentError) as raised:
        await HttpsJson(deadline=1, trust_file=file, proxied=False).get("https://127.0.0.1:9/", {})
    told(raised, file)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        pytest.skip("this system has no bundle of authorities")
    file = tmp_path / "ca.pem"
    file.write_text("# Főtanúsítvány\n" + Path(system).read_text())
    return file


async def test_authorities_may_stand_among_words_of_any_language(bundle: Path) -> None:
    """Bundles of distributions have comments with the authorities' names."""
    await open_channel(GoogleSettings(trust_file=bundle)).close()
