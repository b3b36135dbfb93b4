"""A served Pub/Sub: google.pubsub.v1 over gRPC, in this process, whose faults and time a test controls."""
