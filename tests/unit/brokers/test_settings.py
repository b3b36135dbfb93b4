"""Settings refuse what would be unsafe or useless."""

import pytest

from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.rabbitmq.settings import RabbitMQSettings


@pytest.mark.parametrize(
    "url",
    [
        "amqp://rabbitmq.example.com/",
        "http://127.0.0.1/",
        "amqps://user:secret@rabbitmq.example.com/",
        "amqps://rabbitmq.example.com/?heartbeat=0",
        "127.0.0.1:5672",
        "amqps://rabbitmq.example.com:99999/",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="urls") as refused:
        RabbitMQSettings(urls=(url,))
    assert "secret@" not in str(refused.value)


def test_a_management_url_that_is_refused() -> None:
    with pytest.raises(ValueError, match="management_url"):
        RabbitMQSettings(management_url="https://rabbitmq.example.com:port")


@pytest.mark.parametrize(
    "url", ["amqp://127.0.0.1:5672/", "amqp://[::1]/", "amqp://localhost/", "amqps://broker.example.com/prod"]
)
def test_urls_that_are_fine(url: str) -> None:
    assert RabbitMQSettings(urls=(url,)).urls == (url,)


def test_nodes_of_one_cluster_have_one_virtual_host() -> None:
    with pytest.raises(ValueError, match="virtual host"):
        RabbitMQSettings(urls=("amqps://a.example.com/x", "amqps://b.example.com/y"))


def test_names_follow_the_exchange_as_sentinels_broker_library_makes_them() -> None:
    settings = RabbitMQSettings(exchange="clusters", urls=("amqp://127.0.0.1/a%2Fb",))
    assert (settings.queue, settings.dead_letter_queue) == ("clusters-pullsecret", "clusters-pullsecret.dead")
    assert settings.virtual_host == "a/b"
    assert settings.delay_queue(0.5) == "clusters-pullsecret.after-500ms"


@pytest.mark.parametrize("delays", [(), (2.0, 1.0), (0.0,), (1.0, 1.0)])
def test_delays_ascend(delays: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="delays"):
        RabbitMQSettings(delays=delays)


def test_names_follow_the_subscription() -> None:
    settings = PubSubSettings(project="p", topic="clusters")
    assert settings.subscription_path == "projects/p/subscriptions/clusters-pullsecret"
    assert settings.dead_letter_topic_path == "projects/p/topics/clusters-pullsecret-dlq"
    assert settings.dead_letter_subscription_path == "projects/p/subscriptions/clusters-pullsecret-dlq"
