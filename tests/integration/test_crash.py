"""SIGKILL in mid-call: what was recorded is there."""

import time

import pytest
import requests
from livekit import api
from support import media, scene
from support.aircheck import run
from support.process import wait_until

# The mix runs a second behind in steps of half a second, each a fragment; the journal is written twice a
# second; a tick is a tenth of a second. By media time the file ends at most 1.7 s before the journal. Against
# the wall clock there is also what a busy machine makes of the caller: wide limits.
FILE_BEHIND_JOURNAL = 2.0
FILE_BEHIND = 3.5
JOURNAL_BEHIND = 2.2


def test_what_was_recorded_before_a_kill_plays(livekit, start_aircheck, receiver, callers, room, tmp_path):
    service = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    begin = time.monotonic()
    saying = ann.start_tone(440, 60.0)
    time.sleep(8.0)
    service.kill()
    spoken = time.monotonic() - begin
    saying.cancel()

    spool = service.spool(egress_id)
    plays = media.decode_what_plays(spool / "output.part")
    heard = sum(t.length for t in media.tone_intervals(plays, 440))
    assert heard >= spoken - FILE_BEHIND, f"{heard:.2f} s of {spoken:.2f} s play"

    rendered = tmp_path / "rendered.mp4"
    done = run("render", spool, "-o", rendered, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    again = sum(t.length for t in scene.hears(rendered, 440))
    assert spoken + 0.3 >= again >= spoken - JOURNAL_BEHIND, f"{again:.2f} s of {spoken:.2f} s are in the journal"
    assert again - FILE_BEHIND_JOURNAL <= heard <= again + 0.05, f"{heard:.2f} s play, {again:.2f} s are in the journal"

    # Who cannot go on with it says so, to everybody: here its job cannot be read any more.
    next(service.data_dir.glob("*.key")).unlink()
    service.start()
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_FAILED)
    assert "spool" in info.error and egress_id in info.error and "aircheck render" in info.error, info.error
    assert service.get(f"/api/v1/recordings/{egress_id}")["error"] == info.error
    (conversation,) = service.conversations(room)
    assert (conversation["status"], conversation["audio_recording_url"]) == ("failed", None)
    assert (spool / "output.part").exists(), "and it is still there"


def test_rendering_again_gives_the_same_samples(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    egress_id = scene.start_recording(service, room)
    saying = ann.start_tone(440, 3.0)
    bob.tone(1000, 2.0)
    saying.result(30)
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
    rendered = tmp_path / "again.mp4"
    done = run("render", service.spool(egress_id), "-o", rendered, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    live, again = media.decode(mix["location"]), media.decode(rendered)
    assert live.shape == again.shape
    assert (live == again).all()

    for name in ("again.wav", "again.mp3", "again.ogg"):
        other = tmp_path / name
        done = run("render", service.spool(egress_id), "-o", other, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        (tone,) = scene.hears(other, 440)
        assert abs(tone.length - 3.0) <= 0.1, name


def test_a_requests_and_a_rules_own_receivers_are_told_of_a_kill(livekit, start_aircheck, receiver, callers, room):
    by_rule = f"{room}-by-rule"
    own = "/own?token=t0psecret"
    service = start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}],
        "auto_record": [{**scene.RULE, "rooms": by_rule, "webhooks": [
            {"url": receiver.url("/rule"), "headers": {"X-Key": "key-of-the-rule"}}]}],
        "network": {"allow": ["127.0.0.0/8"]}})
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, by_rule, "bob").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath="x.mp4"))
    request.webhooks.append(api.WebhookConfig(url=receiver.url(own), signing_key=scene.KEY))
    egress_ids = {
        own: scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request)).egress_id,
        "/rule": scene.wait_until_recorded(service, by_rule)}
    scene.wait_until_active(service, egress_ids[own])
    for caller in (ann, bob):
        caller.start_tone(440, 60.0)
    scene.wait_for_packets(service, 200)  # Two seconds of both: the journal is written twice a second.
    service.kill()
    kept = b"".join(path.read_bytes() for path in service.data_dir.glob("aircheck.db*"))
    assert egress_ids[own].encode() in kept
    assert b"t0psecret" not in kept and b"key-of-the-rule" not in kept

    service.start()
    for caller in (ann, bob):
        caller.leave()
    for path, egress_id in egress_ids.items():
        ended = receiver.wait_for("egress_ended", path=path)
        info = ended.verified().egress_info
        assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_COMPLETE)
        assert ended.headers.get("x-key") == ("key-of-the-rule" if path == "/rule" else None)
    everybody = receiver.wait_for("egress_ended", count=2)
    assert {d.verified().egress_info.egress_id for d in everybody} == set(egress_ids.values())


def test_the_rest_of_a_live_call_is_recorded_after_a_stop(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit, config={"auto_record": [scene.RULE]})
    ann = callers.join(livekit, room, "ann").publish()
    first = scene.wait_until_recorded(service, room)
    ann.tone(440, 1.5)
    service.stop()
    service.start()

    def others():
        (conversation,) = service.conversations(room)
        return [r["egress_id"] for r in conversation["recordings"] if r["egress_id"] != first]
    (second,) = wait_until(others, "a second recording of the same conversation")
    scene.wait_until_active(service, second)
    ann.tone(1000, 1.5)
    ann.leave()
    service.wait_for_recording(second, "EGRESS_COMPLETE")
    conversation = service.wait_for_conversation(room, "complete")
    assert [(r["egress_id"], r["status"]) for r in conversation["recordings"]] == [
        (first, "EGRESS_COMPLETE"), (second, "EGRESS_COMPLETE")]
    played = tmp_path / "played.mp4"
    played.write_bytes(requests.get(conversation["audio_recording_url"], timeout=30).content)
    assert len(scene.hears(played, 1000)) == 1 and not scene.hears(played, 440)


@pytest.mark.slow  # for the time that `make test` has
def test_a_recording_that_was_stopped_by_hand_stays_so_after_a_kill(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={"auto_record": [scene.RULE]})
    ann = callers.join(livekit, room, "ann").publish()
    stopped = scene.wait_until_recorded(service, room)
    ann.tone(440, 0.5)
    scene.stop_egress(service, stopped)
    service.wait_for_recording(stopped, "EGRESS_COMPLETE")
    service.kill()
    service.start()
    # All rooms are looked at together: once another one is recorded, this one was seen.
    callers.join(livekit, f"{room}-other", "bob").publish()
    scene.wait_until_recorded(service, f"{room}-other")
    (conversation,) = service.conversations(room)
    assert [r["egress_id"] for r in conversation["recordings"]] == [stopped]
