"""``pullsecret job``: what the adapter starts for each piece of work."""


def job() -> int:
    """Provision one cluster's pull secret, or clean up after a deleted cluster, as the environment says; end.

    Log lines (JSON) go to standard error; the result is left as JSON in the file that
    ``TERMINATION_MESSAGE_PATH`` names. SIGTERM stops it between two steps; starting it anew takes up where it
    stopped. ``docs/job.md`` lists the variables.

    Exits 0 when done, 65 if it cannot succeed until somebody changes something, 75 if it failed for now or
    was told to stop, 78 if its configuration is wrong.

    For example:

    ```
    CLUSTER_ID=cls-abc123 GCP_PROJECT_ID=customer-prod-12345 MANAGEMENT_NAMESPACE=clusters-cls-abc123
    PULL_SECRET_FILE=pull-secret.json TERMINATION_MESSAGE_PATH=result.json pullsecret job
    ```
    """
    from pullsecret.entrypoints.job import main

    return main()
