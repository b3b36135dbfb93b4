"""A server that answers every request alike."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from pullsecret.infrastructure.gcp.settings import GoogleSettings


@contextmanager
def answering(status: int, document: Any) -> Iterator[GoogleSettings]:
    """Settings by which each of Google's REST services answers with ``status`` and ``document``."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield GoogleSettings(rest_endpoint=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
