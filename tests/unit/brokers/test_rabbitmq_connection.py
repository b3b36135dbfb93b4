"""What is wrong before RabbitMQ was asked, and where it was looked for."""

from pathlib import Path

import pytest

from pullsecret.domain.errors import PermanentError, TransientError
from pullsecret.infrastructure.rabbitmq.connection import connect
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings
from pullsecret.testing.kubernetes.processes import free_port


def settings(**given: Path) -> RabbitMQSettings:
    return RabbitMQSettings(urls=("amqps://rabbitmq.invalid/",), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["ca_bundle", "client_certificate", "password_file"])
async def test_a_file_that_is_not_there_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(PermanentError) as raised:
        await connect(settings(**{key: missing}), "test")
    first, *rest = key.split("_")
    told = str(raised.value)
    assert f"rabbitmq.{first}{''.join(map(str.capitalize, rest))}" in told
    assert str(missing) in told
    assert "No such file or directory" in told


async def test_a_file_without_certificates_is_named_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(PermanentError, match="caBundle cannot be used"):
        await connect(settings(ca_bundle=tmp_path / "ca.pem"), "test")


async def test_an_address_of_ipv6_is_told_as_it_was_given() -> None:
    url = f"amqp://[::1]:{free_port()}/"
    with pytest.raises(TransientError) as raised:
        await connect(RabbitMQSettings(urls=(url,)), "test")
    assert url.removeprefix("amqp://").removesuffix("/") in raised.value.subject
