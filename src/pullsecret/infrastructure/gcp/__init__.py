"""Google Cloud: Secret Manager in the customer's project, reached without any key file."""
