"""Standard output of a command, whatever is at its other end."""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pullsecret.entrypoints.exit_codes import ExitCode

_ESCAPE: Final = "pullsecret.escape"


class UnwritableError(Exception):
    """Standard output took nothing more; the cause is the system's error."""


@contextmanager
def standard_output() -> Iterator[None]:
    """Let the block write any text, and end the process with 1 if it cannot be written: silently if the
    reader went away, as ``head`` does, else with one line that says why.

    Characters that the terminal's encoding lacks are written as JSON escapes them. What is written to an
    output that was closed before the start is dropped.
    """
    codecs.register_error(_ESCAPE, _escaped)
    sys.stdout = _open(sys.stdout)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except UnwritableError as error:
        # What is left in the buffer must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fault = error.__cause__
        if isinstance(fault, OSError) and not isinstance(fault, BrokenPipeError):
            sys.stderr.write(f"Standard output cannot be written: {fault.strerror}.\n")
        sys.exit(ExitCode.NOT_AS_IT_SHOULD_BE)


class _Descriptor(io.FileIO):
    """Tells a failure to write here from one of a socket."""

    def write(self, data: object, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as fault:
            raise UnwritableError from fault


def _open(given: object) -> io.TextIOWrapper:
    if not isinstance(given, io.TextIOWrapper):
        return open(os.devnull, "w", encoding="utf-8")
    buffer = io.BufferedWriter(_Descriptor(given.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, given.encoding, _ESCAPE, line_buffering=given.isatty())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - it is asked for by a writer only
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
