"""coturn, a TURN server, on loopback: UDP and TCP on one port, TLS on another."""

import pathlib

from support.livekit import make_certificate
from support.process import Process, free_port, is_listening

USER, PASSWORD = "ann", "secret-of-the-relay"


class Coturn:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port, self.tls_port = free_port(), free_port()
        self.ca_file, self._certificate, self._key = make_certificate(self.folder)
        self.start()

    def start(self):
        """Starts it, or starts it again after kill(): what it had relayed it knows no more."""
        self.process = Process(f"coturn-{self.port}", [
            "turnserver", "-n", "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
            f"--listening-port={self.port}", f"--tls-listening-port={self.tls_port}", "--no-dtls",
            "--min-port=28000", "--max-port=31999", "--allow-loopback-peers", "--lt-cred-mech", "--realm=relay.test",
            f"--user={USER}:{PASSWORD}", f"--cert={self._certificate}", f"--pkey={self._key}", "--verbose",
            "--log-file=stdout", f"--pidfile={self.folder}/coturn-{self.port}.pid",
            f"--userdb={self.folder}/coturn-{self.port}.db"], folder=self.folder)
        self.process.wait_until(lambda: is_listening("127.0.0.1", self.tls_port), "does not listen")

    def port_for(self, protocol):
        return self.tls_port if protocol == "tls" else self.port

    def entry(self, protocol, *, credential=PASSWORD, host="localhost"):
        """It, among `rtc.turn_servers` of a livekit-server. `protocol`: udp, tcp, tls."""
        return {"host": host, "port": self.port_for(protocol), "protocol": protocol, "username": USER,
                "credential": credential}

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.stop()
