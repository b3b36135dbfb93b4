"""The page about Google's errors, made from the error table."""

from pullsecret.domain.reasons import Outlook
from pullsecret.infrastructure.gcp.error_table import ERROR_TABLE, Row

_INTRODUCTION = """\
# What becomes of Google's errors

Each failed call to Secret Manager becomes the reason of the first row that matches. This page is generated
from `src/pullsecret/infrastructure/gcp/error_table.py` by `make docs-generate`, and
`tests/integration/gcp/test_error_table.py` sends every code over the wire.

Transient failures are tried again by the run itself: after a pause that doubles from half a second to 30
seconds, with jitter, never before the time that Google's RetryInfo names, and until five minutes have passed
(`BUDGET_SECONDS`). Permanent ones end the run at once. Google's client library, and gRPC itself, repeat
nothing. An answer that is none of these (a code that does not exist yet) counts as a passing fault.

Beside the table: NOT_FOUND about a secret, ALREADY_EXISTS, and a changed etag tell that somebody else was
faster; the run then looks again before it writes. A newest version that is disabled or destroyed counts as
none.
"""


def errors_page() -> str:
    """The table of errors, in the order in which rows are tried."""
    heading = "| gRPC code | `ErrorInfo.reason` | Message says | Reason | Tried again |"
    rows = [_line(row) for row in ERROR_TABLE]
    return "\n".join([_INTRODUCTION, heading, "|---|---|---|---|---|", *rows, ""])


def _line(row: Row) -> str:
    text = "" if row.text is None else f"`{row.text}`".replace("|", "\\|")
    again = "yes" if row.reason.outlook is Outlook.TRANSIENT else "no"
    return f"| {row.code or 'any'} | {row.info or ''} | {text} | `{row.reason}` | {again} |"
