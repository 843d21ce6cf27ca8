"""A TCP proxy in front of livekit-server's signal port, for cutting the wire."""

import asyncio
import threading

from support.process import free_port


class Proxy:
    """Stands where the server stands for aircheck: pass it as `server=`. Media does not go through it."""

    ca_file = None

    def __init__(self, server):
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.accepted = 0
        self._backend_port = server.port
        self._is_open = True
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            ready.set()
        self._loop.create_task(serve())
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        assert ready.wait(60), "the proxy does not listen"

    def cut(self):
        """Cuts all connections, without a word; new ones are let through."""
        self._loop.call_soon_threadsafe(self._cut)

    def close(self):
        """The same, and new ones are cut as well, until open()."""
        self._is_open = False
        self.cut()

    def open(self):
        self._is_open = True

    def stop(self):
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _cut(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, reader, writer):
        if not self._is_open:
            writer.transport.abort()
            return
        self.accepted += 1
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", self._backend_port)
        pair = {writer, backend_writer}
        self._writers |= pair

        async def copy(source, target):
            try:
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            except OSError:
                pass
            target.close()
        await asyncio.gather(copy(reader, backend_writer), copy(backend_reader, writer))
        self._writers -= pair
