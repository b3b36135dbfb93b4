"""Who makes what the adapter needs at the broker."""

from enum import StrEnum


class Topology(StrEnum):
    """Who makes it: exchange and queues, or topics and subscriptions."""

    VERIFY = "verify"
    """Somebody else; the adapter only makes sure that they are there."""
    CREATE = "create"
    """The adapter, where they are missing. What is there is never altered."""
