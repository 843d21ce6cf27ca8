"""A store that is there and never answers what matters."""

import http.server
import threading

from support.process import free_port


class HangingStore:
    """Any bucket exists and is empty; whatever is sent is taken and never acknowledged."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        self._ending = threading.Event()
        ending = self._ending

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if "list-type=2" not in self.path:
                    return self._hang()
                self.send_response(200)
                self.send_header("Content-Type", "application/xml")
                self.end_headers()
                return self.wfile.write(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

            def _hang(self):
                ending.wait()
            do_HEAD = do_PUT = do_POST = do_DELETE = _hang

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
