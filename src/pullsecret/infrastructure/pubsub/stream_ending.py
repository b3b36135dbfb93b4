"""Ends streams as the protocol means it: the client asks for nothing more, and the server ends the stream.

Google's client cancels its stream instead. What Pub/Sub sends at that moment is lost on the way and rests
until its lease ends; the emulator even goes on sending to cancelled streams while their connection lasts.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import grpc

_PATIENCE: Final = 0.8
"""Seconds for the server to end the stream. Google's client waits for one second."""


class _EndedByTheServer:
    """A running call. ``cancel`` waits for the server first; else it is what gRPC gave."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._call)

    def cancel(self) -> bool:
        """The caller ends its requests as it cancels, which the server answers by ending the stream."""
        if not self._call.is_active():
            return False
        timer = threading.Timer(_PATIENCE, self._call.cancel)
        timer.daemon = True
        timer.start()
        self._call.add_done_callback(lambda _: timer.cancel())
        return True


class _NeverOpened(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """A call that was cancelled before it began, which Google's client takes for final."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED

    def details(self) -> str:
        return "No more streams are opened."

    def __next__(self) -> Any:
        raise self

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    def add_callback(self, _: Callable[[], None]) -> bool:
        return False

    def cancel(self) -> bool:
        return False

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def initial_metadata(self) -> Sequence[Any]:
        return ()

    def trailing_metadata(self) -> Sequence[Any]:
        return ()


class StreamEnding(grpc.StreamStreamClientInterceptor):  # type: ignore[misc]
    """Streams of one channel end so."""

    def __init__(self) -> None:
        self._over = False

    def open_no_more(self) -> None:
        """Refuse every further stream: while Pub/Sub is away, Google's client goes on opening streams
        after it was told to close, and its channel never closes."""
        self._over = True

    def of(self, channel: grpc.Channel) -> grpc.Channel:
        """The same channel, whose streams end so."""
        return grpc.intercept_channel(channel, self)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """See gRPC."""
        if self._over:
            return _NeverOpened()
        return _EndedByTheServer(continuation(client_call_details, request_iterator))
