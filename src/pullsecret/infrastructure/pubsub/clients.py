"""Google's clients, opened and closed together."""

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from pullsecret.domain.errors import OperationError
from pullsecret.infrastructure.pubsub.failures import failure
from pullsecret.infrastructure.pubsub.settings import PubSubSettings
from pullsecret.infrastructure.pubsub.stream_ending import StreamEndingTransport


class PubSubClients:
    """One publisher and one subscriber. Raises a permanent error where no identity can be found."""

    def __init__(self, settings: PubSubSettings) -> None:
        options = {"api_endpoint": settings.endpoint} if settings.endpoint else None
        try:
            self.publisher = PublisherClient(client_options=options)
            self.subscriber = SubscriberClient(transport=StreamEndingTransport, client_options=options)
        except Exception as error:  # the library raises whatever its parts do
            raise _told(settings, error) from None

    def close(self) -> None:
        """Close both; what was published before is sent. Blocks."""
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()


def _told(settings: PubSubSettings, error: Exception) -> OperationError:
    return failure("connect-broker", f"projects/{settings.project}", error)
