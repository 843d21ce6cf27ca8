"""An HTTP proxy that knows CONNECT alone, and every name as this machine's."""

import asyncio
import base64
import threading

from support.process import free_port

USER, PASSWORD = "anna", "p@ss"


class ConnectProxy:
    def __init__(self):
        self.port = free_port()
        self.url = f"http://{USER}:p%40ss@127.0.0.1:{self.port}"
        self.targets = []  # "host:port" of each tunnel, in order
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            ready.set()
        self._loop.create_task(serve())
        self._thread = threading.Thread(target=self._loop.run_forever, name="connect-proxy", daemon=True)
        self._thread.start()
        assert ready.wait(60), "the proxy does not listen"

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split("\r\n")[0].split(" ")
            wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if method != "CONNECT" or f"Proxy-Authorization: {wanted}\r\n" not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return writer.close()
            self.targets.append(target)
            there, back = await asyncio.open_connection("127.0.0.1", int(target.rsplit(":", 1)[1]))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        except (OSError, ValueError, asyncio.IncompleteReadError):
            return writer.close()

        async def copy(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except OSError:
                pass
            finally:
                sink.close()
        await asyncio.gather(copy(reader, back), copy(there, writer))

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
