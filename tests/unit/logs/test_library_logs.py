"""What libraries log becomes lines of ours."""

import io
import json
import logging
import warnings

from pullsecret.infrastructure.logs.library_logs import library_logs
from pullsecret.infrastructure.logs.settings import LogSettings
from pullsecret.infrastructure.logs.telemetry import new_logger


def test_a_librarys_warning_is_a_redacted_line_without_a_traceback() -> None:
    stream = io.StringIO()
    library = logging.getLogger("somelib.connection")
    logger = new_logger(LogSettings(format="json"), stream)

    def tell(level: str, message: str, library: str) -> None:
        getattr(logger, level)(message, operation="library", library=library)

    with library_logs(tell):
        library.info("connected")
        try:
            raise ValueError("hunter2hunter2")
        except ValueError:
            library.exception("call to %s failed", "https://robot:hunter2hunter2@quay.io/v2/")
        library.warning("%d %d", 1)
    library.warning("afterwards")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert first["level"] == "error"
    assert first["operation"] == "library"
    assert "ValueError at " in first["message"]
    assert "library=somelib" in first["message"]
    assert "hunter2" not in stream.getvalue()
    assert second["level"] == "warning"


def test_what_a_library_warns_of_is_a_redacted_line_too() -> None:
    stream = io.StringIO()
    logger = new_logger(LogSettings(format="json"), stream)
    shown = warnings.showwarning
    with library_logs(lambda level, message, library: logger.warning(message, level=level, library=library)):
        warnings.warn("this will go, password=hunter2hunter2", FutureWarning, stacklevel=1)
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert "FutureWarning: this will go, [redacted]" in line["message"]
    assert warnings.showwarning is shown
