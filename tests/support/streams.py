"""Servers that streams are sent to: ffmpeg as an RTMP server and as an SRT listener, and bad ones."""

import contextlib
import socket
import struct
import subprocess
import threading

from support.process import free_port, wait_until


class Receiver:
    """ffmpeg that takes one stream and writes it into a file as it came."""

    def __init__(self, url, path, *, options=(), suffix=""):
        self.url, self.path = url, path
        self._log = open(f"{path}.log", "wb")
        self._process = subprocess.Popen(
            ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-y", *options, "-i", url + suffix,
             "-c", "copy", "-flush_packets", "1", str(path)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def is_running(self):
        return self._process.poll() is None

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def wait_for_media(self, *, more_than=10_000):
        wait_until(lambda: self.size() > more_than, f"{self.path.name} grows beyond {more_than} bytes")

    def wait_for_end(self):
        """Once the sender has said goodbye."""
        wait_until(lambda: not self.is_running(), f"the receiver of {self.path.name} ends")
        return self.path

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._log.close()

    stop = kill


def rtmp_url(port, key):
    return f"rtmp://127.0.0.1:{port}/live/{key}"


def rtmp_receiver(path, *, port=None, key="stream-key-of-the-test"):
    """Listens before it returns."""
    port = port or free_port()
    receiver = Receiver(rtmp_url(port, key), path, options=("-f", "flv", "-listen", "1"))
    _wait_for_port(receiver, port)
    return receiver


def srt_receiver(path, *, port=None, query=""):
    port = port or free_port()
    receiver = Receiver(f"srt://127.0.0.1:{port}{query}", path, options=("-f", "mpegts"),
                        suffix=("&" if query else "?") + "mode=listener")
    wait_until(lambda: _has_socket("udp", port), f"SRT at {port}")
    return receiver


def _wait_for_port(receiver, port):
    # Connecting would be taken for the one sender.
    wait_until(lambda: _has_socket("tcp", port), f"RTMP at {port}")


def _has_socket(kind, port):
    with open(f"/proc/net/{kind}", encoding="ascii") as table:
        return any(f":{port:04X} " in line.split(" 00000000:")[0] + " " for line in table)


class Wedge:
    """A TCP server that takes connections and never says a word."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._taken = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while True:
            try:
                self._taken.append(self._server.accept()[0])
            except OSError:
                return

    def stop(self):
        self._server.close()
        for connection in self._taken:
            connection.close()


class Refusal:
    """An RTMP server that lets nobody publish: the protocol's handshake and three answers (Adobe's RTMP 1.0, 5.2 and 7.2)."""

    def __init__(self, words):
        self._words = words
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection = self._server.accept()[0]
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection):
        hello = _read(connection, 1537)
        connection.sendall(b"\x03" + bytes(1536) + hello[1:])
        _read(connection, 1536)
        heard = b""
        for call, answer in ((b"connect", self._connected), (b"createStream", self._created), (b"publish", self._refused)):
            while (at := heard.find(b"\x02" + struct.pack(">H", len(call)) + call)) < 0 or len(heard) < at + len(call) + 12:
                if not (more := connection.recv(4096)):
                    return
                heard += more
            number = struct.unpack(">d", heard[at + len(call) + 4:at + len(call) + 12])[0]
            connection.sendall(_message(answer(number)))
        connection.recv(4096)

    def _connected(self, number):
        return _amf("_result", number, None, {"level": "status", "code": "NetConnection.Connect.Success"})

    def _created(self, number):
        return _amf("_result", number, None, 1.0)

    def _refused(self, _):
        return _amf("onStatus", 0.0, None, {"level": "error", "code": "BadName", "description": self._words})

    def stop(self):
        self._server.close()


def _read(connection, size):
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def _amf(*values):
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, float):
            out += b"\x00" + struct.pack(">d", value)
        elif isinstance(value, str):
            out += b"\x02" + struct.pack(">H", len(value)) + value.encode()
        else:
            out += b"\x03"
            for key, text in value.items():
                out += struct.pack(">H", len(key)) + key.encode() + _amf(text)
            out += b"\x00\x00\x09"
    return out


def _message(body):
    """A command in one chunk: of at most 128 bytes, which is the size before anybody sets another."""
    assert len(body) <= 128
    return b"\x03" + bytes(3) + struct.pack(">I", len(body))[1:] + b"\x14" + bytes(4) + body
