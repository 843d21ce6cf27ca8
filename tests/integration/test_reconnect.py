"""Connections that break while a call is recorded: nothing that was said is lost, and the timeline is kept."""

import os
import signal
import time

import pytest
from support import media
from support.process import wait_until
from support.proxy import Proxy

RULE = {"rooms": "*", "on": "participant_joined", "filepath": "recordings/{room_name}.mp4"}
# How much longer or shorter a tone may be found than it was spoken.
TONE = 0.1


@pytest.fixture
def proxy(running, livekit):
    return running.add(Proxy(livekit))


@pytest.fixture
def aircheck(start_aircheck, proxy):
    """A recorder that reaches the server's signal port only through the proxy."""
    return start_aircheck(server=proxy, config={"auto_record": [RULE]})


def start_call(aircheck, server, callers, room):
    """Somebody who is recorded already."""
    ann = callers.join(server, room, "ann").publish()
    aircheck.wait_for_conversation(room, "recording")
    wait_until(lambda: says(aircheck, "recording.active"), "media comes")
    return ann


def finish_call(aircheck, caller, room):
    """Its recording, and the file's samples."""
    caller.leave()
    conversation = aircheck.wait_for_conversation(room, "complete")
    (recording,) = conversation["recordings"]
    return recording, media.decode(aircheck.data_dir / "recordings" / "recordings" / f"{room}.mp4")


def says(aircheck, event):
    """How often the log has that event."""
    return aircheck.process.log.read_text(errors="replace").count(event)


def test_a_cut_signal_connection_costs_no_sound(livekit, proxy, aircheck, callers, room):
    ann = start_call(aircheck, livekit, callers, room)
    saying = ann.start_tone(440, 18.0)
    for nth in (1, 2):
        time.sleep(2.0)
        proxy.cut()
        wait_until(lambda n=nth: says(aircheck, "room.resumed") == n, f"resumed {nth} ×")
    # ICE was restarted. Had that failed, media would come to an end within 8 s.
    saying.result(60)
    recording, samples = finish_call(aircheck, ann, room)
    (tone,) = media.tone_intervals(samples, 440)
    assert abs(tone.length - 18.0) <= TONE, tone
    assert recording["gaps"] == []
    assert says(aircheck, "media.interrupted") == 0
    assert says(aircheck, "room.rejoined") == 0
    assert lost_packets(aircheck) == 0


def test_a_long_outage_of_the_signal_server_ends_in_a_rejoin(livekit, proxy, aircheck, callers, room):
    ann = start_call(aircheck, livekit, callers, room)
    saying = ann.start_tone(440, 22.0)
    time.sleep(2.0)
    proxy.close()
    wait_until(lambda: says(aircheck, "room.reconnecting") >= 4, "the resumes have failed")
    proxy.open()
    wait_until(lambda: says(aircheck, "room.rejoined") == 1, "rejoined")
    ann_heard_again = says(aircheck, "recording.interrupted")
    saying.result(60)
    ann.tone(1000, 1.0)
    recording, samples = finish_call(aircheck, ann, room)
    assert says(aircheck, "recording.interrupted") == ann_heard_again, "it lasts"
    # Media flowed on meanwhile; only the change from one connection to the other is not heard.
    tones = media.tone_intervals(samples, 440)
    assert len(tones) <= 2, tones
    assert abs(tones[-1].end - tones[0].start - 22.0) <= TONE, tones
    assert sum(tone.length for tone in tones) > 22.0 - 1.0, tones
    (after,) = media.tone_intervals(samples, 1000)
    assert abs(after.length - 1.0) <= TONE, after
    assert len(recording["gaps"]) <= 1, recording["gaps"]
    assert len(aircheck.conversations(room)) == 1


def test_a_hanging_server_leaves_a_gap_of_its_length(livekit, proxy, aircheck, callers, room):
    ann = start_call(aircheck, livekit, callers, room)
    ann.tone(440, 2.0)
    os.kill(livekit.process.popen.pid, signal.SIGSTOP)
    time.sleep(11.0)
    os.kill(livekit.process.popen.pid, signal.SIGCONT)
    wait_until(lambda: says(aircheck, "media.interrupted") >= 1, "the loss is noticed")
    time.sleep(3.0)
    ann.tone(1000, 2.0)
    recording, samples = finish_call(aircheck, ann, room)
    (before,) = media.tone_intervals(samples, 440)
    assert abs(before.length - 2.0) <= TONE, before
    after = media.tone_intervals(samples, 1000)
    assert after and after[-1].end - before.end > 15.0, (before, after)
    (gap,) = recording["gaps"]
    assert gap["reason"] == "media"


@pytest.mark.slow
def test_a_server_that_never_comes_back_does_not_cost_the_file(livekit, proxy, aircheck, callers, room):
    ann = start_call(aircheck, livekit, callers, room)
    ann.tone(440, 2.0)
    (conversation,) = aircheck.conversations(room)
    (recording,) = conversation["recordings"]
    livekit.process.kill()
    recording = aircheck.wait_for_recording(recording["egress_id"], "EGRESS_FAILED", limit=240.0)
    assert "connection to room failed" in recording["error"], recording["error"]
    (tone,) = media.tone_intervals(
        media.decode(aircheck.data_dir / "recordings" / "recordings" / f"{room}.mp4"), 440)
    assert abs(tone.length - 2.0) <= TONE, tone
    (gap,) = recording["gaps"]
    assert gap["reason"] == "media"


def lost_packets(aircheck):
    (line,) = [line for line in aircheck.metrics().splitlines() if line.startswith("aircheck_packets_lost_total")]
    return float(line.split()[-1])
