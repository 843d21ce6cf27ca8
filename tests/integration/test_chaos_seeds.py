"""Calls through faults that a seed chooses: every second that was said is in the file, or is missing for a reason.

`make test-full` runs a few seeds, `make chaos CHAOS_SEEDS=100-150` as many as one likes. What came of them: build/chaos.json, and
the run's last lines.
"""

import os
import pathlib
import time

import pytest
from support import chaos, scene
from support.minio import Minio
from support.process import ROOT, wait_until
from support.receiver import Receiver

pytestmark = pytest.mark.chaos

# A kill may cost what was not on disk yet; then nothing is heard until the room is joined again.
BEFORE_KILL, AFTER_KILL = 1.2, 2.5
STORE_MODES = [mode for mode in chaos.TcpFaults.MODES if mode != "pass"]
KINDS = ["kill", "kill", "kill", "stop", "stop", "receiver", "receiver", *(f"store {mode}" for mode in STORE_MODES)]

runs = []


def seeds():
    first, _, last = os.environ.get("AIRCHECK_CHAOS_SEEDS", "1-4").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.fixture(scope="module", autouse=True)
def told(request):
    yield
    words = chaos.report(runs)
    (ROOT / "build").mkdir(exist_ok=True)
    pathlib.Path(ROOT / "build/chaos.json").write_text(chaos.to_json(runs))
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n" + words, flush=True)


class World:
    """One call with everything around it, and the ways to break it."""

    def __init__(self, running, livekit, start_aircheck, seed, folder):
        self.running = running
        self.store = running.add(Minio(folder))
        self.bucket = self.store.make_bucket("calls")
        self.wire = running.add(chaos.TcpFaults(self.store.port, seed))
        # A former receiver may still be sent something by a connection that it keeps open.
        self.receivers = [running.add(Receiver())]
        self.service = start_aircheck(server=livekit, config={
            "webhooks": [{"url": self.receivers[0].url()}], "journal_upload": "3s",
            "storage": {"s3": {**self.bucket.config(), "endpoint": f"http://127.0.0.1:{self.wire.port}"}}})
        self.windows = []  # (from, to, why) in which nothing could be heard, seconds after the first word

    def do(self, fault, since):
        begun = time.monotonic() - since
        if fault.kind == "kill":
            self.service.kill()
            time.sleep(fault.length)
            self.service.start()
        elif fault.kind == "stop":
            self.service.process.pause()
            time.sleep(fault.length)
            self.service.process.go_on()
        elif fault.kind == "receiver":
            self.receivers[-1].stop()
            time.sleep(fault.length)
            self.receivers.append(self.running.add(Receiver(port=self.receivers[0].port)))
        else:
            self.wire.mode = fault.kind.removeprefix("store ")
            time.sleep(fault.length)
            self.wire.mode = "pass"
        over = time.monotonic() - since
        if fault.kind == "kill":
            self.windows.append((begun - BEFORE_KILL, over + AFTER_KILL, f"killed at {begun:.1f} s, back at {over:.1f} s"))

    def why_missing(self, second):
        return next((why for start, end, why in self.windows if start - 1 <= second <= end), None)

    def deliveries(self):
        return [delivery for receiver in self.receivers for delivery in receiver.deliveries]


@pytest.mark.parametrize("seed", seeds())
def test_a_call_through_faults(running, livekit, start_aircheck, callers, room, tmp_path, seed):
    run = chaos.Run(seed, chaos.choose_faults(seed, KINDS))
    runs.append(run)
    world = World(running, livekit, start_aircheck, seed, tmp_path)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(world.service, room, outputs=[{"filepath": f"{room}.mp4"}])
    since = time.monotonic()
    saying = ann.start_saying(chaos.count())
    for fault in run.faults:
        chaos.sleep_until(since + fault.at)
        world.do(fault, since)
    saying.result(120)
    time.sleep(1.0)
    scene.stop_egress(world.service, egress_id)
    found = world.service.wait_for_recording(egress_id, "EGRESS_COMPLETE", limit=240)
    heard = chaos.seconds_in(world.bucket.download(f"{room}.mp4", tmp_path))
    run.kept = len(heard)
    run.missing = {s: world.why_missing(s) for s in range(chaos.SECONDS) if s not in heard}
    assert None not in run.missing.values(), f"{run.missing} of {run.faults}, gaps {found['gaps']}"
    assert list(heard.values()) == sorted(heard.values()), f"in the order in which they were said: {heard}"
    kills = [fault for fault in run.faults if fault.kind == "kill"]
    assert len(found["gaps"]) >= len(kills), found["gaps"]
    check_told(world, run, egress_id)
    wait_until(lambda: not [key for key in world.bucket.journals() if "EG_" in key], "the journal's copies are gone")


def check_told(world, run, egress_id):
    """Each notification came, under an id of its own, in order."""
    wait_until(lambda: [d for d in world.deliveries() if d.event == "egress_ended"], "its end is told", limit=240)
    ids = [d.json["id"] for d in world.deliveries()]
    told = [d.event for d in world.deliveries()]
    listed = world.service.command("deliveries", "list", "--json")
    run.owed = len(listed.stdout.splitlines())
    run.delivered = len(set(ids))
    # An answer that was lost with its receiver, or the process that waited for it, is asked for again: same id.
    run.doubled = len(ids) - len(set(ids))
    assert run.delivered == run.owed, (told, listed.stdout)
    assert told[0] == "egress_started" and told[-1] == "egress_ended", told
    assert run.doubled <= sum(fault.kind in ("kill", "receiver", "stop") for fault in run.faults), told
