"""A webhook receiver that keeps what came, byte for byte."""

import http.server
import json
import threading
import time
from dataclasses import dataclass, field

from livekit import api

from support.livekit import KEY, SECRET
from support.process import free_port, wait_until


@dataclass
class Delivery:
    path: str
    headers: dict  # names in lower case
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def event(self):
        """Its event's name, in every format."""
        return self.json.get("event")

    def verified(self):
        """LiveKit's own receiver checks signature and body hash and parses it; raises when it is not theirs."""
        receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
        return receiver.receive(self.body.decode(), self.headers["authorization"])


class Receiver:
    """Answers 200 (or what `answers` holds, one after the other) and records."""

    def __init__(self, port=None):
        self.deliveries = []
        self.answers = []
        self.head_status = 200
        self.port = port or free_port()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                status = outer.answers.pop(0) if outer.answers else 200
                outer.deliveries.append(Delivery(self.path, headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_HEAD(self):
                self.send_response(outer.head_status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def url(self, path="/webhook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def events(self, name, path="/webhook"):
        return [d for d in self.deliveries if d.path == path and d.event == name]

    def wait_for(self, name, *, path="/webhook", count=1, limit=60.0):
        """The first `count` deliveries of that event (a list when count > 1)."""
        found = wait_until(
            lambda: len(self.events(name, path)) >= count and self.events(name, path),
            f"{count} × {name} at {path} (came: {[d.event for d in self.deliveries]})", limit=limit)
        return found[0] if count == 1 else found[:count]

    def stop(self):
        """Connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()
