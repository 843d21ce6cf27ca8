"""What happens in a room besides speaking: encryption, another recorder of the same name, being sent away."""

import numpy as np
from livekit import api
from support import media, scene
from support.aircheck import run
from support.process import wait_until

KEY = b"only the callers know"


def test_an_encrypted_voice_is_left_out_and_never_recorded_as_noise(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    eve = callers.join(livekit, room, "eve", encryption_key=KEY).publish()
    egress_id = scene.start_recording(service, room)
    saying = eve.start_tone(1000, 3.0)
    ann.tone(440, 1.5)
    saying.result(30)
    scene.stop_egress(service, egress_id)
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    samples = media.decode(recording["files"][0]["location"])
    (tone,) = media.tone_intervals(samples, 440)
    assert abs(tone.length - 1.5) <= 0.1
    assert not media.tone_intervals(samples, 1000, amplitude=0.1)
    after = samples[int((tone.end + 0.1) * media.RATE):]
    assert len(after) > media.RATE and np.abs(after).max() < 0.01, "not as noise either"
    (finding,) = recording["check"]["findings"]
    assert "'eve' is end-to-end encrypted" in finding and eve.publication.sid in finding


def test_with_encrypted_voices_only_it_says_why_nothing_is_recorded(livekit, callers, room, tmp_path):
    eve = callers.join(livekit, room, "eve", encryption_key=KEY).publish()
    saying = eve.start_tone(1000, 60.0)
    done = run("record", room, "--wait", "5s", "-o", tmp_path / "x.mp4", folder=tmp_path, server=livekit)
    saying.cancel()
    assert done.returncode == 1
    assert "end-to-end encrypted" in done.stderr
    assert not (tmp_path / "x.mp4").exists()


def test_another_worker_with_the_same_job_is_left_to_it(livekit, start_aircheck, receiver, callers, room):
    service = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 2.0)
    other = callers.join(livekit, room, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_FAILED
    assert "duplicate identity" in info.error.lower()
    ann.tone(440, 3.0)
    assert not other.disconnected.is_set(), "it does not come back to fight"
    kept = media.decode_what_plays(next(service.spool(egress_id).glob("recording.*")))
    (tone,) = media.tone_intervals(kept, 440)
    assert abs(tone.length - 2.0) <= 0.1, "what it had is kept"


def test_a_recorder_that_is_sent_away_finishes_its_file(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 1.5)
    livekit.call(lambda lk: lk.room.remove_participant(api.RoomParticipantIdentity(room=room, identity=egress_id)))
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
    (tone,) = scene.hears(mix["location"], 440)
    assert abs(tone.length - 1.5) <= 0.1


def test_who_comes_goes_and_comes_back(livekit, start_aircheck, callers, room):
    """Tracks that end and begin anew, and a participant that returns: one timeline, nothing lost."""
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    egress_id = scene.start_recording(service, room)
    staying = bob.start_tone(300, 1.0)
    ann.tone(440, 1.5)
    staying.result(30)
    ann.unpublish()
    ann.publish()
    ann.tone(660, 1.5)
    ann.leave()
    wait_until(lambda: "ann" not in livekit.participants(room), "ann has left")
    ann = callers.join(livekit, room, "ann").publish()
    ann.tone(880, 1.5)
    scene.stop_egress(service, egress_id)
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    samples = media.decode(recording["files"][0]["location"])
    (first,) = media.tone_intervals(samples, 440)
    (second,) = media.tone_intervals(samples, 660)
    (third,) = media.tone_intervals(samples, 880)
    assert abs(first.length - 1.5) <= 0.1
    # A new track is subscribed to first, which takes a moment of its beginning.
    assert second.length >= 1.5 - 0.3 and third.length >= 1.5 - 0.3, (second, third)
    assert first.end < second.start < second.end < third.start
    (conversation,) = service.conversations(room)
    assert {p["identity"] for p in conversation["participants"]} == {"ann", "bob"}


def test_the_recorder_is_not_seen(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    bob = callers.join(livekit, room, "bob")
    me = livekit.participants(room)[egress_id]
    assert (api.ParticipantInfo.Kind.Name(me.kind), me.permission.hidden, me.permission.recorder) == ("EGRESS", True, True)
    assert not me.permission.can_publish
    assert egress_id not in bob.room.remote_participants
