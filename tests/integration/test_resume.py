"""After a SIGKILL the next process goes on: the same recording, the same file, and the gap is noted."""

import datetime
import time

import pytest
import requests
from livekit import api
from support import media, scene
from support.process import wait_until

# The journal is written twice a second; a tick is a quarter of a second.
JOURNAL_BEHIND = 2.0
# A speaker on a busy machine leaves holes; a process that is gone, one of a second at least.
HOLE = 0.4


def at(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def says(service, event):
    return service.process.log.read_text(errors="replace").count(event)


def played(conversation, tmp_path):
    path = tmp_path / "played.mp4"
    answer = requests.get(conversation["audio_recording_url"], timeout=30)
    path.write_bytes(answer.content)
    return path


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_live_call_goes_on_in_the_same_file(livekit, start_aircheck, receiver, callers, room, tmp_path, kills):
    service = start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "auto_record": [scene.RULE]})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.wait_until_recorded(service, room)
    saying = ann.start_tone(440, 60.0)
    for _ in range(kills):
        scene.wait_for_packets(service, 100)
        time.sleep(JOURNAL_BEHIND)
        service.kill()
        time.sleep(1.0)
        service.start()
        scene.wait_for_packets(service, 100)
    saying.cancel()
    bob = callers.join(livekit, room, "bob").publish()
    bob.tone(1000, 1.0)
    for caller in (ann, bob):
        caller.leave()
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    conversation = service.wait_for_conversation(room, "complete")
    assert [r["egress_id"] for r in conversation["recordings"]] == [egress_id], "one recording of it all"
    assert [gap["reason"] for gap in found["gaps"]] == ["restart"] * kills
    path = played(conversation, tmp_path)
    tones = scene.hears(path, 440, bridge=HOLE)
    assert len(tones) == kills + 1, tones
    assert len(scene.hears(path, 1000, bridge=HOLE)) == 1

    # The gaps have their length: what was said before and after them lies where it was said.
    for before, after, gap in zip(tones, tones[1:], found["gaps"]):
        assert abs((after.start - before.end) - (at(gap["end"]) - at(gap["start"]))) <= 1.5
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status, info.error) == (egress_id, api.EgressStatus.EGRESS_COMPLETE, "")
    assert abs(info.file_results[0].duration / 1e9 - media.duration(path)) <= 0.05
    assert len(receiver.events("egress_started")) == 1 and len(receiver.events("egress_ended")) == 1


def test_a_call_that_ended_meanwhile_is_finished_from_its_journal(
        start_livekit, start_aircheck, receiver, callers, room, tmp_path):
    livekit = start_livekit(room={"departure_timeout": 1})
    service = start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "auto_record": [scene.RULE], "rejoin_window": "3s"})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.wait_until_recorded(service, room)
    ann.tone(440, 3.0)
    time.sleep(JOURNAL_BEHIND)
    service.kill()
    ann.leave()
    wait_until(lambda: not livekit.has_room(room), "the room is closed")
    service.start()
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert found["gaps"] == [] and found["end_reason"] == "Source closed"
    path = played(service.wait_for_conversation(room, "complete"), tmp_path)
    (tone,) = scene.hears(path, 440, bridge=HOLE)
    assert abs(tone.length - 3.0) <= 0.1
    assert media.duration(path) - tone.end <= JOURNAL_BEHIND + 1.0, "no silence is put behind it"
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_COMPLETE)


@pytest.mark.slow  # for the time that `make test` has
def test_a_recording_that_went_on_can_be_stopped(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={"auto_record": [scene.RULE]})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.wait_until_recorded(service, room)
    ann.tone(440, 2.0)
    time.sleep(JOURNAL_BEHIND)
    service.kill()
    service.start()
    scene.stop_egress(service, egress_id)
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    (tone,) = scene.hears(found["files"][0]["location"], 440, bridge=HOLE)
    assert abs(tone.length - 2.0) <= 0.1
    assert found["end_reason"] == "StopEgress API"


@pytest.mark.slow  # for the time that `make test` has
def test_who_left_meanwhile_has_left(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    egress_id = scene.start_recording(service, room, end_when="last_human_left", end_grace="1s")
    ann.tone(440, 1.0)
    bob.tone(1000, 1.0)
    time.sleep(JOURNAL_BEHIND)
    service.kill()
    bob.leave()
    service.start()
    wait_until(lambda: says(service, "recording.resumed"), "it goes on")
    ann.tone(440, 1.0)
    ann.leave()
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = found["files"][0]["location"]
    assert [round(t.length) for t in scene.hears(path, 440, bridge=HOLE)] == [1, 1]
    assert [round(t.length) for t in scene.hears(path, 1000, bridge=HOLE)] == [1]
    (conversation,) = service.conversations(room)
    whole = service.get(f"/api/v1/conversations/{conversation['conversation_id']}")
    assert {p["identity"]: bool(p["left_at"]) for p in whole["participants"]} == {"ann": True, "bob": True}


@pytest.mark.slow
def test_an_upload_goes_on_where_it_was(livekit, start_aircheck, bucket, callers, room, tmp_path):
    """WAV grows by 96 kB a second: a part of 5 MiB is on its way within a minute and a half."""
    service = start_aircheck(server=livekit, config={"storage": {"s3": bucket.config()}})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, outputs=[
        {"file_type": "wav", "filepath": "long", "channels": 2}])
    saying = ann.start_tone(440, 120.0)
    wait_until(lambda: (service.spool(egress_id) / "upload.state").exists(), "a part was sent", limit=240)
    uploads = bucket.uploads("long.wav")
    assert len(uploads) == 1
    service.kill()
    service.start()
    wait_until(lambda: says(service, "recording.resumed"), "it goes on")
    scene.wait_for_packets(service, 100)
    assert bucket.uploads("long.wav") == uploads, "the same one, and no other"
    saying.cancel()
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE", limit=120)
    assert says(service, "upload.anew") == 0
    assert bucket.uploads("long.wav") == []
    path = bucket.download("long.wav", tmp_path)
    assert scene.heard(path, 440) > 50


@pytest.mark.slow  # for the time that `make test` has
def test_tracks_go_on_too(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, track_files=True)
    ann.tone(440, 2.0)
    time.sleep(JOURNAL_BEHIND)
    service.kill()
    service.start()
    wait_until(lambda: says(service, "recording.resumed"), "it goes on")
    ann.tone(440, 2.0)
    scene.stop_egress(service, egress_id)
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    mix, track = found["files"]
    for file in (mix, track):
        assert [round(t.length) for t in scene.hears(file["location"], 440, bridge=HOLE)] == [2, 2], file["location"]
