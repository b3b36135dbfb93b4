"""The demo: a mixed fleet of clusters on the embedded world, provisioned by the production use cases."""
