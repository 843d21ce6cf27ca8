"""aircheck itself: the service, its REST API, and its commands."""

import json
import os
import pathlib
import signal
import subprocess

import requests

from support.livekit import KEY, SECRET
from support.process import ROOT, Process, environment, free_port, wait_until

TOKEN = "admin-token-of-the-tests"


def binary():
    path = pathlib.Path(os.environ.get("AIRCHECK_BIN", ROOT / "build/aircheck"))
    assert path.exists(), f"{path} is missing: run make build, or set AIRCHECK_BIN"
    return path.absolute()


class Aircheck:
    """`aircheck serve` with a configuration of its own; `config` is merged over the usual one."""

    def __init__(self, folder, *, server=None, config=None, port=None, env=None, prefix=()):
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = self.folder / "data"
        self._config = self.folder / f"aircheck-{self.port}.yaml"
        settings = {
            "http": {"bind": f"127.0.0.1:{self.port}"},
            "data_dir": str(self.data_dir),
            "logging": {"level": "debug", "json": True},
            **({"ws_url": server.url, "api_key": KEY, "api_secret": SECRET} if server else {}),
        }
        merge(settings, config or {})
        self._config.write_text(json.dumps(settings))  # JSON is YAML
        self._env = {"AIRCHECK_TOKEN": TOKEN, **_trust(server), **(env or {})}
        self._prefix = prefix
        self.start()

    def start(self):
        """Starts it, or starts it again after stop() or kill()."""
        self.process = Process(
            f"aircheck-{self.port}", [*self._prefix, binary(), "serve", "--config", self._config],
            folder=self.folder, env=self._env)
        self.process.wait_until(self._is_ready, "is not ready")

    def _is_ready(self):
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop(number=signal.SIGINT)  # SIGTERM would wait for the calls

    # REST

    def request(self, method, path, *, token=TOKEN, **options):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=30, allow_redirects=False, **options)

    def get(self, path, **options):
        answer = self.request("GET", path, **options)
        assert answer.ok, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def conversations(self, room):
        return self.get("/api/v1/conversations", params={"room_name": room})["conversations"]

    def wait_for_conversation(self, room, status, *, limit=60.0):
        """The room's newest conversation once it has that status."""
        def ask():
            found = self.conversations(room)
            return found[0] if found and found[0]["status"] == status else None
        try:
            return wait_until(ask, f"conversation of {room} is {status}", limit=limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.conversations(room)}\n{self.process.tail()}") from None

    def wait_for_recording(self, egress_id, status, *, limit=60.0):
        path = f"/api/v1/recordings/{egress_id}"
        def ask():
            recording = self.get(path)
            return recording if recording["status"] == status else None
        try:
            return wait_until(ask, f"recording {egress_id} is {status}", limit=limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.get(path)}\n{self.process.tail()}") from None

    def spool(self, egress_id):
        return self.data_dir / "spool" / egress_id

    def command(self, *arguments):
        """Another `aircheck` command with the service's own configuration; the service may run or not."""
        return run(*arguments, "--config", self._config, folder=self.folder, env=self._env)

    def metrics(self):
        return requests.get(f"{self.url}/metrics", timeout=10).text


def run(*arguments, folder, server=None, env=None, limit=120.0, prefix=(), interrupt_when=None):
    """One command in the foreground: CompletedProcess with its output as text.

    `interrupt_when(process)`: once it gives true, the command gets Ctrl-C.
    """
    keys = {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET} if server else {}
    process = subprocess.Popen(
        [str(word) for word in (*prefix, binary(), *arguments)], cwd=folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(keys, _trust(server), env))
    try:
        if interrupt_when:
            wait_until(lambda: process.poll() is not None or interrupt_when(process), "the time for Ctrl-C", limit=limit)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=limit)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def merge(base, over):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def _trust(server):
    return {"SSL_CERT_FILE": str(server.ca_file)} if server and server.ca_file else {}
