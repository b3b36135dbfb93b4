"""The search itself: a leak test that finds nothing must be able to find something."""

import base64
import json
import urllib.parse
from collections.abc import Callable

import pytest
from tests.security.canary import Canary


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda secret: secret, id="as it is"),
        pytest.param(lambda secret: json.dumps({"message": json.dumps(secret)}), id="escaped twice"),
        pytest.param(lambda secret: base64.b64encode(secret.encode()).decode(), id="base64"),
        pytest.param(lambda secret: base64.b64encode(b"xy" + secret.encode()).decode(), id="base64 of more"),
        pytest.param(lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(), id="base64url"),
        pytest.param(
            lambda secret: base64.b64encode(base64.b64encode(secret.encode())).decode(), id="base64 twice"
        ),
        pytest.param(urllib.parse.quote_plus, id="escaped for a URL"),
        pytest.param(lambda secret: secret.encode().hex(), id="hexadecimal"),
        pytest.param(lambda secret: repr(secret.encode()), id="repr of bytes"),
    ],
)
def test_every_form_of_the_whole_and_of_a_piece_is_found(canary: Canary, form: Callable[[str], str]) -> None:
    secret = canary.pull_secret()
    assert canary.leaks(form(secret))
    for word in (canary.clear, canary.login):
        middle = secret.find(word) if word in secret else None
        piece = secret[middle + 5 : middle + 27] if middle is not None else word[4:26]
        assert canary.leaks(form(piece)), piece


def test_nothing_is_found_where_nothing_is(canary: Canary) -> None:
    assert canary.leaks(Canary().pull_secret()) == []
