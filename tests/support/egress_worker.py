"""A stand-in for livekit/egress on LiveKit's bus: bids as an idle one does, takes jobs, ends them when asked, records nothing.

psrpc by hand: envelopes are protobuf of a few fields, each channel is Redis' publish and subscribe.
"""

import socket
import struct
import threading
import time

from livekit import api

IDLE = 0.5  # What livekit/egress bids.
REQUESTS = {5: "room_composite", 6: "track_composite", 7: "track", 11: "web", 13: "participant", 16: "egress"}


def fields(data):
    """A protobuf message's fields: {number: last value}; text and messages as bytes."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found[key >> 3] = varint()
        else:
            length = {1: 8, 5: 4}.get(key & 7) or varint()
            found[key >> 3] = data[at:at + length]
            at += length
    return found


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(values):
    """The opposite of fields(); floats are 32 bits."""
    out = b""
    for number, value in values.items():
        if isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def envelope(name, values):
    return message({1: f"type.googleapis.com/internal.{name}", 2: message(values)})


class Connection:
    def __init__(self, redis):
        self.socket = socket.create_connection(("127.0.0.1", redis.port))
        self._in = self.socket.makefile("rb")

    def send(self, *words):
        words = [word.encode() if isinstance(word, str) else word for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def read(self):
        line = self._in.readline()
        if not line:
            raise ConnectionError("Redis has gone")
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return self._in.read(int(rest) + 2)[:-2]
        return rest


class EgressWorker:
    """Jobs it has taken are in `jobs`: {egress id: EgressInfo}."""

    def __init__(self, redis):
        self.jobs = {}
        self._waiting = {}  # Request id: what to do once it is chosen.
        self._in, self._out = Connection(redis), Connection(redis)
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._subscribe("EgressInternal|StartEgress|")
        self._thread.start()
        assert self._ready.wait(30), "the stand-in for livekit/egress has not subscribed"

    def stop(self):
        self._in.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _subscribe(self, prefix):
        self._in.send("SUBSCRIBE", prefix + "REQ", prefix + "RCLAIM")

    def _publish(self, channel, name, values):
        with self._lock:
            self._out.send("PUBLISH", channel, envelope(name, values))
            self._out.read()

    def _run(self):
        while True:
            try:
                kind, channel, payload = self._in.read()
            except (ConnectionError, OSError, ValueError):
                return
            if kind == b"subscribe":
                self._ready.set()
            if kind != b"message":
                continue
            service, method, *_, what = channel.decode().split("|")
            call = fields(fields(payload)[2])
            if what == "REQ":
                self._bid(service, method, call)
            elif call[2] == b"SRV_stand_in" and (chosen := self._waiting.pop(call[1], None)):
                chosen()

    def _bid(self, service, method, call):
        request_id, client = call[1], call[2].decode()

        def answer():
            info = getattr(self, method)(fields(call[8]))
            self._publish(f"{service}|{client}|RES", "Response", {
                1: request_id, 2: "SRV_stand_in", 3: time.time_ns(), 7: info.SerializeToString()})
        self._waiting[request_id] = answer
        self._publish(f"{service}|{client}|CLAIM", "ClaimRequest", {1: request_id, 2: "SRV_stand_in", 3: IDLE})

    def StartEgress(self, request):
        egress_id = request[1].decode()
        info = api.EgressInfo(
            egress_id=egress_id, room_id=request.get(3, b"").decode(), started_at=time.time_ns(),
            status=api.EgressStatus.EGRESS_ACTIVE)
        for number, name in REQUESTS.items():
            if number in request:
                getattr(info, name).ParseFromString(request[number])
                info.room_name = getattr(getattr(info, name), "room_name", "")
        self.jobs[egress_id] = info
        for method in ("StopEgress", "UpdateStream"):
            self._subscribe(f"EgressHandler|{method}|{egress_id}|")
        return info

    def StopEgress(self, request):
        info = self.jobs[request[1].decode()]
        info.status = api.EgressStatus.EGRESS_ENDING
        return info

    def UpdateStream(self, request):
        return self.jobs[request[1].decode()]
