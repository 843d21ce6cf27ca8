"""A bad network between server and recorder: what is lost is asked for again."""

import subprocess
import time

import pytest
from support import media
from support.process import ROOT, wait_until

EVERY = 20


@pytest.fixture
def loss(tmp_path):
    """The environment of a process that loses every 20th RTP packet; `loss.count()`: how many so far."""
    library = tmp_path / "packet_loss.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/packet_loss.c", "-ldl"], check=True)
    class Loss:
        path = tmp_path / "lost"
        env = {
            "LD_PRELOAD": str(library), "PACKET_LOSS_EVERY": str(EVERY), "PACKET_LOSS_COUNT": str(path),
            "ASAN_OPTIONS": "verify_asan_link_order=0"}

        def count(self):
            return int(self.path.read_text()) if self.path.exists() else 0
    return Loss()


# Publishers' RED is taken apart by the server, and what is resent is not what was sent to it.
@pytest.mark.parametrize("red", [False, True])
def test_lost_packets_are_asked_for_again(livekit, start_aircheck, loss, callers, room, red):
    aircheck = start_aircheck(server=livekit, env=loss.env, config={"auto_record": [
        {"rooms": "*", "on": "participant_joined", "filepath": "{room_name}.mp4"}]})
    ann = callers.join(livekit, room, "ann").publish(red=red, dtx=False)
    wait_until(loss.count, "packets come and get lost")
    ann.tone(440, 15.0)
    time.sleep(1.5)
    assert loss.count() > 15 * 50 / EVERY, "the shim works"
    lost = counter(aircheck, "aircheck_packets_lost_total")
    received = counter(aircheck, "aircheck_packets_received_total")
    # One that was lost before the server knew the round trip may be gone; a resent one that got lost
    # as well is asked for once more.
    assert lost <= 2, f"{lost} of {loss.count()} lost packets were not recovered ({received} came)"
    ann.leave()
    aircheck.wait_for_conversation(room, "complete")
    (tone,) = media.tone_intervals(media.decode(aircheck.data_dir / f"recordings/{room}.mp4"), 440)
    assert abs(tone.length - 15.0) <= 0.1, tone


def counter(aircheck, name):
    (line,) = [line for line in aircheck.metrics().splitlines() if line.startswith(name)]
    return float(line.split()[-1])
