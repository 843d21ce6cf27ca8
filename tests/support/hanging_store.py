"""A store that is there and never answers what matters."""

import http.server
import threading

from support.process import free_port


class HangingStore:
    """Any bucket exists; whatever is sent is taken and never acknowledged."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        self._ending = threading.Event()
        ending = self._ending

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200)
                self.end_headers()

            def _hang(self):
                ending.wait()
            do_GET = do_PUT = do_POST = do_DELETE = _hang

            def log_message(self, *_):
                pass

        port = int(self.url.rsplit(":", 1)[1])
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
