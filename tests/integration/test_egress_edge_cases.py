"""The edge cases of livekit/egress's own integration tests that concern sound, by their names (docs/egress-tests.md)."""

import os
import signal
import subprocess
import sys
import time

import pytest
from livekit import api
from support import media, scene
from support.process import ROOT, wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

ACTIVE, COMPLETE = api.EgressStatus.EGRESS_ACTIVE, api.EgressStatus.EGRESS_COMPLETE
ABORTED, LIMIT_REACHED = api.EgressStatus.EGRESS_ABORTED, api.EgressStatus.EGRESS_LIMIT_REACHED


@pytest.fixture
def start_service(start_aircheck, receiver):
    return lambda livekit, **config: start_aircheck(
        server=livekit, config={"webhooks": [{"url": receiver.url()}], **config})


@pytest.fixture
def service(livekit, start_service):
    return start_service(livekit)


def start(service, room, name="x.ogg", **fields):
    return scene.use_egress_api(service, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, file_outputs=[api.EncodedFileOutput(filepath=name)], **fields)))


def status_of(service, egress_id):
    return scene.use_egress_api(
        service, lambda e: e.list_egress(api.ListEgressRequest(egress_id=egress_id))).items[0].status


def ended(receiver):
    return receiver.wait_for("egress_ended", limit=120).verified().egress_info


def test_room_composite_late_track_duration(service, livekit, receiver, callers, room):
    """A voice that comes late is heard when it came, and makes the file no longer than the call."""
    ann = callers.join(livekit, room, "ann").publish()
    began = time.monotonic()
    egress_id = start(service, room).egress_id
    scene.wait_until_active(service, egress_id)
    ann.tone(440, 3.0)
    bob = callers.join(livekit, room, "bob").publish()
    bob.tone(1000, 3.0)
    scene.stop_egress(service, egress_id)
    wall_clock = time.monotonic() - began
    result = ended(receiver).file_results[0]
    assert 6.0 <= result.duration / 1e9 <= wall_clock + 0.1
    assert abs(media.duration(result.location) - result.duration / 1e9) <= 0.03
    early, late = scene.hears(result.location, 440), scene.hears(result.location, 1000)
    assert late[0].start > early[-1].end and sum(tone.length for tone in late) > 2.5


def test_audio_mixing(service, livekit, receiver, callers, room):
    """Three people: the agent left, both others right."""
    agent = callers.join(livekit, room, "agent", kind="agent").publish()
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    egress_id = start(service, room, audio_mixing=api.AudioMixing.DUAL_CHANNEL_AGENT).egress_id
    scene.wait_until_active(service, egress_id)
    saying = [ann.start_tone(440, 2.0), bob.start_tone(2000, 2.0)]
    agent.tone(1000, 2.0)
    for one in saying:
        one.result(30)
    scene.stop_egress(service, egress_id)
    info = ended(receiver)
    samples = media.decode(info.file_results[0].location)
    for channel, here, there in ((0, [1000], [440, 2000]), (1, [440, 2000], [1000])):
        for frequency in here:
            tones = media.tone_intervals(samples[:, channel], frequency)
            assert abs(sum(tone.length for tone in tones) - 2.0) <= 0.3, tones
        for frequency in there:
            assert not media.tone_intervals(samples[:, channel], frequency, amplitude=0.1)


def test_participant_no_publish(service, livekit, receiver, callers, room):
    """Somebody who is there, says nothing and leaves: there is nothing to keep."""
    ann = callers.join(livekit, room, "ann")
    started = scene.use_egress_api(service, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="ann", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    wait_until(lambda: started.egress_id in livekit.participants(room), "the recorder is in the room")
    ann.leave()
    info = ended(receiver)
    assert (info.egress_id, info.status) == (started.egress_id, ABORTED)
    assert not info.file_results[0].location and info.error


def test_room_composite_stays_open(start_livekit, start_service, receiver, callers, room):
    """Everybody leaves and comes back within the room's departure timeout: one recording."""
    livekit = start_livekit(room={"departure_timeout": 60})
    service = start_service(livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = start(service, room).egress_id
    scene.wait_until_active(service, egress_id)
    ann.tone(440, 1.5)
    ann.leave()
    wait_until(lambda: "ann" not in livekit.participants(room), "ann has left")
    time.sleep(5.0)
    again = callers.join(livekit, room, "ann").publish()
    again.tone(1000, 3.0)
    assert status_of(service, egress_id) == ACTIVE
    scene.stop_egress(service, egress_id)
    path = ended(receiver).file_results[0].location
    before, after = scene.hears(path, 440), scene.hears(path, 1000)
    assert after[0].start - before[-1].end > 5.0, "the pause is kept"
    assert sum(tone.length for tone in after) > 2.5


def test_room_composite_disconnect_duration(start_livekit, start_service, receiver, callers, room):
    """The room closes 20 s after the last one left: that silence is in the file, and in its duration."""
    livekit = start_livekit(room={"departure_timeout": 20})
    service = start_service(livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = start(service, room).egress_id
    scene.wait_until_active(service, egress_id)
    ann.tone(440, 2.0)
    left = time.monotonic()
    ann.leave()
    info = ended(receiver)
    silence = time.monotonic() - left
    assert (info.egress_id, info.status, info.details) == (egress_id, COMPLETE, "End reason: Source closed")
    result = info.file_results[0]
    assert silence >= 19.0
    assert 2.0 + 19.0 <= result.duration / 1e9 <= 2.0 + silence + 5.0
    assert abs(media.duration(result.location) - result.duration / 1e9) <= 0.03
    assert result.duration / 1e9 - scene.hears(result.location, 440)[-1].end >= 18.0


def test_track_disconnection(service, livekit, receiver, running, room):
    """A publisher whose network is gone for 10 s: what they said lies where it was said, with silence between."""
    url, token = livekit.direct_url, livekit.token("ann", room)
    livekit.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room)))
    speaker = subprocess.Popen(
        [sys.executable, "-P", ROOT / "tests/support/speaker.py", url, token, "440"], stdout=subprocess.PIPE, text=True)
    try:
        track_id = speaker.stdout.readline().strip()
        assert track_id.startswith("TR_")
        started = scene.use_egress_api(service, lambda e: e.start_track_composite_egress(
            api.TrackCompositeEgressRequest(
                room_name=room, audio_track_id=track_id, file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
        scene.wait_until_active(service, started.egress_id)
        time.sleep(5.0)
        stopped = time.monotonic()
        os.kill(speaker.pid, signal.SIGSTOP)
        time.sleep(10.0)
        os.kill(speaker.pid, signal.SIGCONT)
        away = time.monotonic() - stopped
        time.sleep(8.0)
        assert status_of(service, started.egress_id) == ACTIVE
        scene.stop_egress(service, started.egress_id)
    finally:
        speaker.kill()
        speaker.wait()
    info = ended(receiver)
    assert info.status == COMPLETE
    tones = scene.hears(info.file_results[0].location, 440)
    holes = [after.start - before.end for before, after in zip(tones, tones[1:])]
    # The SDK is some time finding its way back; sound that was captured before may come as one.
    assert holes and away - 2.0 <= max(holes) <= away + 6.0, tones
    assert tones[0].length >= 4.0 and tones[-1].length >= 1.0


def test_file_storage_limit(livekit, start_service, receiver, callers, room):
    """300 kB, as livekit/egress's test has it: it ends once it is so large, its file is whole, and it says why."""
    service = start_service(livekit, session_limits={"file_output_max_size": 300_000})
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 120.0)
    egress_id = start(
        service, room, "x.mp4",
        advanced=api.EncodingOptions(audio_bitrate=256, audio_codec=api.AudioCodec.AAC)).egress_id
    info = ended(receiver)
    saying.cancel()
    assert (info.egress_id, info.status) == (egress_id, LIMIT_REACHED)
    assert info.details == "End reason: Session limit reached" and info.error
    result = info.file_results[0]
    assert 300_000 <= result.size <= 300_000 + 2 * 256_000 / 8, "two seconds more at most"
    assert os.path.getsize(result.location) == result.size
    assert abs(scene.heard(result.location, 440) - result.duration / 1e9) <= 1.0
