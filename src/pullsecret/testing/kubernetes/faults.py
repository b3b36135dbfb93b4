"""What may go wrong with a pod, for tests to ask for."""

from enum import Enum


class Fault(Enum):
    """How the node treats one pod."""

    IMAGE_PULL = "image-pull"
    """Its image is never pulled: the container waits in ``ImagePullBackOff``."""
    OUT_OF_MEMORY = "out-of-memory"
    """The container runs and is then killed as by the kernel (``OOMKilled``, exit code 137)."""
    EVICTED = "evicted"
    """The container runs and is then evicted by the node: phase Failed, reason ``Evicted``."""
    HANG = "hang"
    """Something runs in the container's place that does nothing and never ends."""
    NO_MESSAGE = "no-message"
    """The container runs to its end, but its termination message is lost."""
    NODE_LOST = "node-lost"
    """The container is killed, and the pod is failed and deleted as the pod garbage collector does it when a
    node is gone."""
