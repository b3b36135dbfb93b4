"""Real brokers for tests: a RabbitMQ node and Google's Pub/Sub emulator, started as private processes."""
