from pullsecret.testing.pubsub.fixtures import fake_pubsub

__all__ = ["fake_pubsub"]
