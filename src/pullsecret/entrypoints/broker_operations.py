"""Opens the configured broker for an operator's command."""

from contextlib import AbstractAsyncContextManager

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.infrastructure.intake.operations import BrokerOperations


def open_broker(configuration: Configuration) -> AbstractAsyncContextManager[BrokerOperations]:
    """The configured broker, open as long as the block. Raises a permanent error for the embedded one."""
    if configuration.broker == "rabbitmq":
        from pullsecret.infrastructure.rabbitmq.operations import rabbitmq_operations

        return rabbitmq_operations(configuration.rabbitmq)
    if configuration.broker == "pubsub" and configuration.pubsub is not None:
        from pullsecret.infrastructure.pubsub.operations import pubsub_operations

        return pubsub_operations(configuration.pubsub)
    raise PermanentError(
        "connect-broker",
        "memory",
        Reason.WRONG_CONFIGURATION,
        "The embedded broker lives inside of the adapter.",
        "Set broker to rabbitmq or pubsub.",
    )
