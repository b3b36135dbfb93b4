"""Where the API may be, and where not."""

import pytest

from pullsecret.infrastructure.hyperfleet.settings import Dialect, HyperFleetSettings


@pytest.mark.parametrize(
    "url",
    [
        "https://hyperfleet-api.hyperfleet-system.svc:8000",
        "https://gateway.example/below/a/path/",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://localhost:8000",
    ],
)
def test_https_anywhere_and_http_on_loopback(url: str) -> None:
    assert HyperFleetSettings(url=url, dialect=Dialect.V1).base_url == url.rstrip("/") + "/api/hyperfleet/v1"
    assert HyperFleetSettings(url=url, dialect=Dialect.DDR).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hyperfleet-api:8000", "unencrypted"),
        ("http://10.0.0.1", "unencrypted"),
        ("http://localhost.example.com", "unencrypted"),
        ("ftp://hyperfleet-api", "http or https"),
        ("hyperfleet-api:8000", "http or https"),
        ("", "http or https"),
        ("https://api.example:99999", "http or https"),
        ("https://api.example:port", "http or https"),
        ("https://user:password@api.example", "tokens belong in a file"),
        ("https://api.example/?token=x", "tokens belong in a file"),
    ],
)
def test_anything_else_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        HyperFleetSettings(url=url)
    assert "password" not in str(raised.value)
