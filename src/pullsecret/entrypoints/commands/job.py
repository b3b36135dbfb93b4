"""``pullsecret job``: what the adapter starts once for each cluster."""


def job() -> int:
    """Provision one cluster's pull secret as the environment variables say, then end.

    The result is left as JSON in the termination message. Exit codes: 0 done, 65 failed for good, 75 failed
    for now or told to stop, 78 wrong configuration. ``docs/job.md`` lists the variables.
    """
    from pullsecret.entrypoints.job import main

    return main()
