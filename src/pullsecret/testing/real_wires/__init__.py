"""The demo over real protocols: HTTPS, gRPC with TLS and AMQP on localhost, in real time."""
