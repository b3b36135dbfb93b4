"""Where log lines go."""

from contextlib import suppress
from typing import TextIO


class LineStream:
    """Writes lines to ``stream`` as long as it takes them. One that is closed, full or has lost its reader
    costs lines, never the work that they tell of."""

    def __init__(self, stream: TextIO | None) -> None:
        """``stream`` is None for a standard stream of a process that was started without it."""
        self._stream = stream

    def write(self, text: str) -> None:
        """Write ``text``, if that can be done."""
        # ValueError: a closed file.
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)

    def flush(self) -> None:
        """Let what was written be seen."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        """True if a person looks on."""
        return self._stream is not None and not self._stream.closed and self._stream.isatty()
