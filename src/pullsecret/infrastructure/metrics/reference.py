"""The metrics reference, made from the definitions."""

from pullsecret.infrastructure.metrics.definitions import DEFINITIONS, Definition, Kind

_INTRODUCTION = """\
# Metrics

Served at `:8080/metrics`, in the Prometheus text format or, for who asks for it, in OpenMetrics with
exemplars. This page is generated from `src/pullsecret/infrastructure/metrics/definitions.py` by
`make docs-generate`.

Jobs live for seconds and are not scraped: what a job counted travels in its result, and the replica that
reports the job's end adds it, once for each job. A replica that dies between telling a status and counting it
loses those counts. Every replica counts what it did itself, so sum over replicas; only
`pullsecret_in_flight{kind=~"job-.*"}` and `pullsecret_backlog_messages` show the same on each, so take the
maximum.

No series has a label whose values grow with the number of clusters: a log line or an exemplar names the
cluster. A customer's project appears under the first 12 digits of the SHA-256 of its id, which
`printf %s PROJECT | sha256sum | cut -c1-12` tells.
"""


def metrics_page() -> str:
    """Every metric: type, labels, how many series a replica has of it at most, and its meaning."""
    rows = [_row(definition) for definition in DEFINITIONS]
    table = ["| Metric | Type | Labels | Series at most | Meaning |", "|---|---|---|---|---|", *rows]
    total = sum(definition.max_series for definition in DEFINITIONS)
    closing = (
        f"All together a replica has at most {total} series of its own, beside those of the Prometheus "
        "client about the process (`process_*`) and its garbage collector (`python_gc_*`)."
    )
    buckets = [
        f"| `{definition.name}` | {', '.join(f'{bound:g}' for bound in definition.buckets)} |"
        for definition in DEFINITIONS
        if definition.kind is Kind.HISTOGRAM
    ]
    bounds = [
        "## Buckets",
        "",
        "Upper bounds in seconds.",
        "",
        "| Histogram | Bounds |",
        "|---|---|",
        *buckets,
    ]
    return "\n".join([_INTRODUCTION, *table, "", closing, "", *bounds, ""])


def _row(definition: Definition) -> str:
    labels = "; ".join(f"`{name}`: {label.values}" for name, label in definition.labels.items()) or "–"
    return (
        f"| `{definition.name}` | {definition.kind.value} | {labels} | {definition.max_series} "
        f"| {definition.help} |"
    )
