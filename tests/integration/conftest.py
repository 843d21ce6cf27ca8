"""Fixtures: real peers, started for a test and ended with it. A peer that is missing fails the test."""

import threading
import time
import uuid

import pytest
from support.aircheck import Aircheck
from support.callers import Callers
from support.livekit import LiveKitServer
from support.minio import Minio
from support.receiver import Receiver
from support.redis import Redis


class Running:
    """What a test started, stopped in reverse order; its logs are shown when the test fails."""

    def __init__(self):
        self.all = []

    def add(self, thing):
        self.all.append(thing)
        return thing

    def stop(self):
        problems = []
        for thing in reversed(self.all):
            try:
                thing.stop()
            except Exception as error:
                problems.append(error)
        if problems:
            raise problems[0]


@pytest.fixture
def running(request):
    running = Running()
    request.node.running = running
    yield running
    running.stop()


class Stalls:
    """How long this process was held up: then what a test's speakers said is not what it had them say."""

    EVERY = 0.01

    def __init__(self):
        self.longest = 0.0
        threading.Thread(target=self._watch, name="stalls", daemon=True).start()

    def _watch(self):
        last = time.monotonic()
        while True:
            time.sleep(self.EVERY)
            now = time.monotonic()
            self.longest = max(self.longest, now - last - self.EVERY)
            last = now


stalls = Stalls()


@pytest.fixture(autouse=True)
def longest_stall(record_property):
    """Writes `stalled_ms` for tools/run_tests, which runs a test again that failed while it was held up."""
    stalls.longest = 0.0
    yield
    record_property("stalled_ms", round(stalls.longest * 1000))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed and hasattr(item, "running"):
        for thing in item.running.all:
            if process := getattr(thing, "process", None):
                report.sections.append((f"{process.name}: end of its log", process.tail(60)))
    return report


@pytest.fixture
def room():
    """A room's name that no other test uses."""
    return f"room-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start_livekit(running, tmp_path):
    """start_livekit(variant="ice-lite", webhook_urls=[…]): a LiveKitServer."""
    return lambda **options: running.add(LiveKitServer(tmp_path, **options))


@pytest.fixture
def livekit(start_livekit):
    """A livekit-server as most people run it, without webhooks."""
    return start_livekit()


@pytest.fixture
def start_aircheck(running, tmp_path):
    """start_aircheck(server=…, config={…}): a running `aircheck serve`."""
    return lambda folder=tmp_path, **options: running.add(Aircheck(folder, **options))


@pytest.fixture(scope="session")
def minio(tmp_path_factory):
    minio = Minio(tmp_path_factory.mktemp("minio"))
    yield minio
    minio.stop()


@pytest.fixture
def bucket(minio):
    """An empty bucket of a real S3-compatible store."""
    return minio.make_bucket(f"bucket-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def redis(running, tmp_path):
    """LiveKit's bus."""
    return running.add(Redis(tmp_path))


@pytest.fixture
def receiver(running):
    """Where webhooks are sent to."""
    return running.add(Receiver())


@pytest.fixture
def callers(running):
    """callers.join(server, room, "ann").publish(): people who speak."""
    return running.add(Callers())
