"""Events from Google Cloud Pub/Sub."""
