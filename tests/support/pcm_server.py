"""WebSocket servers that take a track's sound: one that keeps what comes, and one that never reads."""

import asyncio
import base64
import hashlib
import json
import socket
import threading
import time

import numpy as np
from aiohttp import WSMsgType, web

from support.process import free_port

RATE = 48000
CHANNELS = 2


class PcmServer:
    """Keeps the sound and the words of every connection, in order; drop() breaks them off, hold() refuses new ones."""

    def __init__(self):
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}/sound?key=secret"
        self.connections = []  # each a list of (kind, what): ("headers", …), ("pcm", bytes), ("text", …), ("ping", …)
        self._sockets = set()
        self._refuses = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pcm", daemon=True)
        self._thread.start()
        self._run(self._serve())

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self):
        app = web.Application()
        app.router.add_get("/sound", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _take(self, request):
        if self._refuses:
            return web.Response(status=503, text="not now")
        taken = [("headers", {name.lower(): value for name, value in request.headers.items()})]
        socket_ = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await socket_.prepare(request)
        self.connections.append(taken)
        self._sockets.add(socket_)
        try:
            async for message in socket_:
                if message.type == WSMsgType.BINARY:
                    taken.append(("pcm", message.data))
                elif message.type == WSMsgType.TEXT:
                    taken.append(("text", json.loads(message.data)))
                elif message.type == WSMsgType.PING:
                    taken.append(("ping", message.data))
                    await socket_.pong(message.data)
        finally:
            taken.append(("closed", socket_.close_code))
            self._sockets.discard(socket_)
        return socket_

    def drop(self):
        """Breaks all connections off, without a word."""
        async def work():
            for socket_ in list(self._sockets):
                socket_._req.transport.abort()
        self._run(work())

    def refuse(self, refuses=True):
        self._refuses = refuses

    def texts(self, connection=0):
        return [what for kind, what in self.connections[connection] if kind == "text"]

    def frames(self, connection=0):
        return [what for kind, what in self.connections[connection] if kind == "pcm"]

    def samples(self, connection=0):
        """float32 [frames × channels]."""
        raw = np.frombuffer(b"".join(self.frames(connection)), dtype="<i2")
        return raw.reshape(-1, CHANNELS).astype(np.float32) / 32768

    def stop(self):
        async def work():
            for socket_ in list(self._sockets):
                await socket_.close()
            await self._runner.cleanup()
        self._run(work())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class DeafServer:
    """Grants the upgrade and never reads again."""

    ANSWER = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: {}\r\n\r\n")

    def __init__(self):
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}/sound?key=secret"
        self.since = None
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            request = b""
            while b"\r\n\r\n" not in request:
                request += peer.recv(1)
            (key,) = [line.split(b": ")[1] for line in request.split(b"\r\n")
                      if line.lower().startswith(b"sec-websocket-key")]
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
            peer.sendall(self.ANSWER.format(accept).encode())
            self._sockets.append(peer)
            self.since = self.since or time.monotonic()

    def stop(self):
        self._listener.close()
        for peer in self._sockets:
            peer.close()
