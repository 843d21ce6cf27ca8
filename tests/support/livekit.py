"""A real livekit-server, set up in the ways that users run it."""

import asyncio
import base64
import datetime
import hashlib
import json
import pathlib
import ssl
import subprocess
import threading
import time

import jwt
from livekit import api

from support import ipv6
from support.process import PEERS, Process, free_port, is_listening

KEY = "devkey"
# livekit-server asks for 32 characters.
SECRET = "secret-of-the-tests-0123456789abcdef"



def signed_webhook(body, key, secret, *, age=0):
    """The headers that LiveKit sends `body` with; signed `age` seconds ago."""
    sha256 = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    now = int(time.time()) - age
    token = jwt.encode({"iss": key, "nbf": now, "exp": now + 300, "sha256": sha256}, secret, algorithm="HS256")
    return {"Authorization": token, "Content-Type": "application/webhook+json"}


# What is changed against the default: UDP on one port, full ICE, over 127.0.0.1.
VARIANTS = {
    "full-ice": {},
    "ice-lite": {"use_ice_lite": True},
    "tcp-only": {"force_tcp": True, "udp_port": None},
    "ipv6": {"interfaces": None},
    "tls": {},
}


class LiveKitServer:
    """livekit-server with one key pair. `variant` is one of VARIANTS; webhooks go to `webhook_urls`,
    egress jobs over `redis`; `turn` is the configuration of its own TURN server,
    `host` the address that it has instead of loopback's."""

    def __init__(self, folder, *, webhook_urls=(), variant="full-ice", room=None, rtc=None, redis=None, turn=None, host=None):
        self.folder = pathlib.Path(folder)
        self.variant = variant
        self.port = free_port()
        self.host = host or (ipv6.address() if variant == "ipv6" else "127.0.0.1")
        self._tls = None
        self.turn_port = (turn or {}).get("udp_port")
        config = {
            "port": self.port,
            "bind_addresses": [self.host],
            "rtc": {
                "tcp_port": free_port(), "udp_port": free_port(), "node_ip": self.host,
                "use_external_ip": False, "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]}, **VARIANTS[variant], **(rtc or {}),
            },
            "keys": {KEY: SECRET},
            "logging": {"level": "info", "json": True},
            "room": {"empty_timeout": 300, "departure_timeout": 1, **(room or {})},
        }
        if variant == "ipv6":
            config["rtc"]["ips"] = {"includes": [f"{self.host}/128"]}
        config["rtc"] = {k: v for k, v in config["rtc"].items() if v is not None}
        if turn:
            config["turn"] = {"enabled": True, "bind_addresses": [self.host], **turn}
        if redis:
            config["redis"] = {"address": redis.address}
        if webhook_urls:
            config["webhook"] = {"api_key": KEY, "urls": list(webhook_urls)}
        path = self.folder / f"livekit-{self.port}.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        self.process = Process(f"livekit-{self.port}", [PEERS / "bin/livekit-server", "--config", path], folder=folder)
        self.process.wait_until(lambda: is_listening(self.host, self.port), "does not listen")
        if variant == "tls":
            self._tls = TlsFront(folder, self.port)

    @property
    def ca_file(self):
        """The authority to trust, with the variant "tls"."""
        return self._tls.ca_file if self._tls else None

    @property
    def url(self):
        """What aircheck is given; wss:// with the variant "tls"."""
        return f"wss://localhost:{self._tls.port}" if self._tls else self.direct_url

    @property
    def direct_url(self):
        """What callers use: without TLS, whose test authority the SDK does not know."""
        return f"ws://[{self.host}]:{self.port}" if ":" in self.host else f"ws://{self.host}:{self.port}"

    def token(self, identity, room, *, kind=None, attributes=None, **grants):
        token = (api.AccessToken(KEY, SECRET).with_identity(identity).with_name(identity)
                 .with_ttl(datetime.timedelta(hours=1))
                 .with_grants(api.VideoGrants(room_join=True, room=room, **grants)))
        if kind:
            token = token.with_kind(kind)
        if attributes:
            token = token.with_attributes(attributes)
        return token.to_jwt()

    def call(self, method):
        """Runs `await method(api)` on LiveKit's API client: server.call(lambda lk: lk.room.list_rooms(…))."""
        async def run():
            url = self.direct_url.replace("ws://", "http://")
            async with api.LiveKitAPI(url, KEY, SECRET) as client:
                return await method(client)
        return asyncio.run(run())

    def participants(self, room):
        """Hidden ones too, as the server's own API shows them."""
        answer = self.call(lambda lk: lk.room.list_participants(api.ListParticipantsRequest(room=room)))
        return {p.identity: p for p in answer.participants}

    def has_room(self, room):
        return bool(self.call(lambda lk: lk.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms)

    def close_room(self, room):
        self.call(lambda lk: lk.room.delete_room(api.DeleteRoomRequest(room=room)))

    def stop(self):
        if self._tls:
            self._tls.stop()
        # Asked to end, it would wait for its rooms to empty.
        self.process.kill()


def make_certificate(folder):
    """An authority, and a certificate of its for this machine: the files ca, certificate and key."""
    ca_file, key = folder / "ca.pem", folder / "ca.key"
    certificate, certificate_key = folder / "server.pem", folder / "server.key"
    if certificate_key.exists():
        return ca_file, certificate, certificate_key
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out",
         ca_file, "-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE"],
        check=True, capture_output=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", certificate_key,
         "-out", certificate, "-CA", ca_file, "-CAkey", key, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,DNS:livekit.test,DNS:relay.test,IP:127.0.0.1",
         "-addext", "basicConstraints=CA:FALSE"],
        check=True, capture_output=True)
    return ca_file, certificate, certificate_key


class TlsFront:
    """Ends TLS in front of a local port, as a load balancer does; with an authority made for it."""

    def __init__(self, folder, backend_port):
        self.ca_file, certificate, certificate_key = make_certificate(pathlib.Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate_key)
        self.port = free_port()
        self._backend_port = backend_port
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port, ssl=context)
            ready.set()
        self._loop.create_task(serve())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        assert ready.wait(10), "the TLS front does not listen"

    async def _relay(self, reader, writer):
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", self._backend_port)

        async def copy(source, target):
            try:
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            except OSError:
                pass
            finally:
                target.close()
        await asyncio.gather(copy(reader, backend_writer), copy(backend_reader, writer))

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
