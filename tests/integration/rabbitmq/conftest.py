from pullsecret.testing.brokers.fixtures import rabbitmq

__all__ = ["rabbitmq"]
