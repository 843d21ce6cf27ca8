"""Processes and ports of the tests' peers."""

import itertools
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / ".peers"

# How long anything may take to come up: wide, since build machines are busy.
START_LIMIT = 60.0

# Below the ports that systems give to outgoing connections (from 32768), so that none is taken meanwhile.
_first, _last = map(int, os.environ.get("AIRCHECK_TEST_PORTS", "20000-31999").split("-"))
_ports = itertools.cycle(random.sample(range(_first, _last + 1), _last - _first + 1))


def free_port():
    """A port that is free for TCP and UDP on IPv4 and IPv6, and not handed out before."""
    for port in itertools.islice(_ports, _last - _first + 1):
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                    with socket.socket(family, kind) as probe:
                        if family == socket.AF_INET6:
                            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                        probe.bind((host, port))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")


def wait_until(question, what, *, limit=START_LIMIT, every=0.05):
    """What `question()` gives once it gives something true; fails, naming `what`, after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        if answer := question():
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit:.0f} s")
        time.sleep(every)


def is_listening(host, port):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def environment(*more):
    """The tests' own, without settings that whoever runs them happens to have; then `more`, in order."""
    mine = ("AIRCHECK_", "LIVEKIT_", "EGRESS_", "AWS_", "GCP_", "AZURE_", "TAVUS_")
    out = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    for one in more:
        out.update(one or {})
    return out


def preloaded(shim, folder):
    """The environment of a process that has support/<shim>.c loaded before everything else."""
    library = pathlib.Path(folder) / f"{shim}.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / f"tests/support/{shim}.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0"}


class Process:
    """A child whose output goes to a log file; ended with the test. `env` is added to the tests' own."""

    def __init__(self, name, command, *, folder, env=None, cwd=None):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        self._file = open(self.log, "ab")
        assert pathlib.Path(command[0]).exists() or "/" not in str(command[0]), (
            f"{command[0]} is missing: run tools/bootstrap build peers, and make build")
        self.popen = subprocess.Popen(
            [str(word) for word in command], stdout=self._file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            cwd=cwd or folder, env=environment(env), start_new_session=True)

    def wait_until(self, question, what, *, limit=START_LIMIT):
        """Like wait_until, but gives up at once when the process is gone."""
        def ask():
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
            return question()
        try:
            return wait_until(ask, f"{self.name}: {what}", limit=limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def tail(self, lines=40):
        """The log's last lines, long ones cut."""
        return "\n".join(line[:500] for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_for_log(self, text, *, limit=120.0):
        """Until its log has that text."""
        self.wait_until(lambda: text in self.log.read_text(errors="replace"), f"logs {text}", limit=limit)

    def is_running(self):
        return self.popen.poll() is None

    def interrupt(self):
        self.popen.send_signal(signal.SIGINT)

    def pause(self):
        """SIGSTOP: lives, and does nothing."""
        self.popen.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.popen.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL: no goodbye, as when the machine goes."""
        if self.is_running():
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def wait(self, limit=60.0):
        try:
            return self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {limit:.0f} s:\n{self.tail()}") from None

    def stop(self, limit=20.0, number=signal.SIGTERM):
        """SIGTERM, and SIGKILL when that is not heard; gives the exit status."""
        if self.is_running():
            self.popen.send_signal(number)
            try:
                self.popen.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
        self._file.close()
        return self.popen.returncode
