"""The drop-in: jobs from livekit-server's own Egress API, over its Redis bus, as a livekit/egress worker gets them."""

import json
import time

import pytest
from livekit import api
from support import media, scene
from support.process import wait_until
from support.receiver import Receiver

pytestmark = pytest.mark.slow  # for the time that `make test` has

FAILED, ACTIVE = api.EgressStatus.EGRESS_FAILED, api.EgressStatus.EGRESS_ACTIVE
COMPLETE = api.EgressStatus.EGRESS_COMPLETE


@pytest.fixture
def livekit(start_livekit, redis, receiver):
    """livekit-server with a bus; it sends the webhooks itself."""
    return start_livekit(redis=redis, webhook_urls=[receiver.url()])


@pytest.fixture
def start_worker(start_aircheck, livekit, redis, tmp_path):
    """start_worker("two"): an aircheck that takes jobs of the bus, in a folder of its own."""
    def start(name="one", **config):
        folder = tmp_path / name
        folder.mkdir()
        worker = start_aircheck(server=livekit, config={
            "redis": {"address": redis.address}, "data_dir": str(folder), **config})
        wait_until(lambda: "bus.ready" in worker.process.log.read_text(), "the bus is ready")
        return worker
    return start


def start_recording(livekit, room, bucket):
    """The second guide's request at livekit-server's own URL; waits until media is recorded."""
    started = scene.use_egress_api(
        livekit, lambda egress: egress.start_room_composite_egress(scene.guide_request(room, bucket)))
    assert (started.room_name, started.status) == (room, api.EgressStatus.EGRESS_STARTING)
    scene.wait_until_active(livekit, started.egress_id)
    return started


def listed(livekit, egress_id):
    """As livekit-server has it; None when it knows of none, as after a restart of its Redis."""
    try:
        answer = scene.use_egress_api(livekit, lambda e: e.list_egress(api.ListEgressRequest(egress_id=egress_id)))
    except api.TwirpError as error:
        if error.code in ("not_found", "unavailable"):
            return None
        raise
    return answer.items[0]


def wait_until_listed(livekit, egress_id, status):
    def ask():
        info = listed(livekit, egress_id)
        return info if info and info.status == status else None
    return wait_until(ask, f"livekit-server lists {egress_id} with status {status}")


def test_the_guides_snippet_at_livekit_servers_url(
        livekit, start_worker, receiver, bucket, callers, room, running, tmp_path):
    own = running.add(Receiver())
    start_worker(webhooks=[{"url": own.url()}])
    ann = callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    assert started.room_id.startswith("RM_") and started.source_type == api.EgressSourceType.EGRESS_SOURCE_TYPE_SDK
    assert started.room_composite.file_outputs[0].s3.secret == "{secret}"
    ann.tone(440, 2.0)
    assert scene.stop_egress(livekit, started.egress_id).status == api.EgressStatus.EGRESS_ENDING

    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status, info.error) == (started.egress_id, COMPLETE, "")
    assert info.details == "End reason: StopEgress API"
    (key,) = bucket.keys()
    assert info.file_results[0].filename == key and scene.is_named_by_the_guide(key, room)
    path = bucket.download(key, tmp_path)
    (tone,) = scene.hears(path, 440)
    assert abs(tone.length - 2.0) <= 0.1
    assert abs(info.file_results[0].duration / 1e9 - media.duration(path)) <= 0.03

    assert listed(livekit, started.egress_id) == info, "ListEgress says what the webhook said"
    told = [d.verified() for d in receiver.deliveries if d.event.startswith("egress_")]
    assert [t.event for t in told][0] == "egress_started" and [t.event for t in told].count("egress_started") == 1
    assert [t.event for t in told].count("egress_ended") == 1
    assert own.deliveries == [], "livekit-server tells its receivers; ours were not named for the bus"
    with pytest.raises(api.TwirpError) as again:
        scene.stop_egress(livekit, started.egress_id)
    assert "egress with status EGRESS_COMPLETE cannot be stopped" in again.value.message


def test_receivers_named_for_the_bus(livekit, start_worker, bucket, callers, room, running):
    own = running.add(Receiver())
    start_worker(webhooks=[{"url": own.url(), "also_for_bus": True}])
    ann = callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    ann.tone(440, 0.5)
    scene.stop_egress(livekit, started.egress_id)
    assert own.wait_for("egress_ended").verified().egress_info.egress_id == started.egress_id


def test_the_node_sdk_at_livekit_servers_url(livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    start_worker()
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    s3 = {"accessKey": scene.ACCESS_KEY, "secret": scene.SECRET_KEY, "bucket": bucket.name, "region": "us-east-1",
          "endpoint": bucket.minio.endpoint, "forcePathStyle": True}
    answer = json.loads(scene.node(
        "record.mjs", livekit.direct_url.replace("ws://", "http://"), room, json.dumps(s3), "2"))
    saying.cancel()
    assert [answer[f"{what}Status"] for what in ("started", "listed", "stopped")] == [
        "EGRESS_STARTING", "EGRESS_ACTIVE", "EGRESS_ENDING"]
    ended = receiver.wait_for("egress_ended")
    seen = json.loads(scene.node("verify.mjs", ended.headers["authorization"], stdin=ended.body.decode()))
    assert (seen["egressId"], seen["roomName"]) == (answer["egressId"], room)
    (key,) = bucket.keys()
    assert sum(t.length for t in scene.hears(bucket.download(key, tmp_path), 440)) > 1.8


def test_what_cannot_be_done_is_refused_through_livekit_server(livekit, start_worker, receiver, bucket, callers, room):
    start_worker()
    callers.join(livekit, room, "ann")
    began = time.monotonic()
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(livekit, lambda e: e.start_room_composite_egress(
            scene.guide_request(room, bucket, audio_only=False)))
    assert refusal.value.code == "invalid_argument" and "audio_only" in refusal.value.message
    assert time.monotonic() - began < 60, "told, not timed out"
    with pytest.raises(api.TwirpError) as web:
        scene.use_egress_api(livekit, lambda e: e.start_web_egress(api.WebEgressRequest(
            url="https://example.com", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    assert web.value.code == "invalid_argument"
    assert not scene.use_egress_api(livekit, lambda e: e.list_egress(api.ListEgressRequest())).items
    assert not [d for d in receiver.deliveries if d.event.startswith("egress_")]


def test_a_room_that_is_recorded_from_its_creation(livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    start_worker()
    livekit.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(
        name=room, egress=api.RoomEgress(room=scene.guide_request(room, bucket)))))
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = receiver.wait_for("egress_started").verified().egress_info.egress_id
    scene.wait_until_active(livekit, egress_id)
    ann.tone(440, 1.0)
    livekit.close_room(room)
    assert receiver.wait_for("egress_ended").verified().egress_info.status == COMPLETE
    (key,) = bucket.keys()
    assert [round(t.length) for t in scene.hears(bucket.download(key, tmp_path), 440)] == [1]


def test_redis_is_restarted_in_mid_call(livekit, redis, start_worker, bucket, callers, room, tmp_path):
    start_worker()
    ann = callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    ann.tone(440, 1.0)
    redis.kill()
    ann.tone(880, 1.0)
    redis.start()  # Empty: livekit-server's own record of the job went with it.
    wait_until_listed(livekit, started.egress_id, ACTIVE)
    ann.tone(440, 1.0)
    scene.stop_egress(livekit, started.egress_id)
    wait_until_listed(livekit, started.egress_id, COMPLETE)
    (key,) = bucket.keys()
    path = bucket.download(key, tmp_path)
    assert [round(t.length) for t in scene.hears(path, 440)] == [1, 1]
    assert [round(t.length) for t in scene.hears(path, 880)] == [1], "the recording went on without Redis"


def test_the_end_is_told_when_redis_is_back(livekit, redis, start_worker, receiver, bucket, callers, room):
    worker = start_worker()
    ann = callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    ann.tone(440, 1.0)
    redis.kill()
    scene.stop_egress(worker, started.egress_id)  # At its own address: no bus is needed.
    wait_until(bucket.keys, "the file is stored")
    redis.start()
    info = wait_until_listed(livekit, started.egress_id, COMPLETE)
    assert info.file_results[0].filename == bucket.keys()[0]
    assert receiver.wait_for("egress_ended").verified().egress_info.egress_id == started.egress_id


def test_a_worker_that_dies_is_ended_for(livekit, start_worker, receiver, bucket, callers, room):
    one = start_worker("one")
    callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    start_worker("two")
    one.kill()
    info = receiver.wait_for("egress_ended", limit=120).verified().egress_info
    assert (info.egress_id, info.status, info.error_code) == (started.egress_id, FAILED, 500)
    assert "is gone" in info.error and info.ended_at > info.started_at
    assert listed(livekit, started.egress_id).status == FAILED
    assert len(receiver.events("egress_ended")) == 1


def test_a_worker_that_comes_back_goes_on(livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    worker = start_worker()
    ann = callers.join(livekit, room, "ann").publish()
    started = start_recording(livekit, room, bucket)
    ann.tone(440, 1.0)
    time.sleep(1.0)  # The journal is written twice a second.
    worker.kill()
    worker.start()
    wait_until(lambda: "recording.resumed" in worker.process.log.read_text(errors="replace"), "it goes on")
    ann.tone(440, 1.0)
    assert listed(livekit, started.egress_id).status == api.EgressStatus.EGRESS_ACTIVE
    scene.stop_egress(livekit, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status, info.error) == (started.egress_id, COMPLETE, "")
    (key,) = bucket.keys()
    assert [round(t.length) for t in scene.hears(bucket.download(key, tmp_path), 440)] == [1, 1]
    assert listed(livekit, started.egress_id).status == COMPLETE


def test_each_track_of_a_room_for_itself(livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    """Auto egress: livekit-server starts a job for each published track."""
    start_worker()
    livekit.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(
        name=room, egress=api.RoomEgress(tracks=api.AutoTrackEgress(
            filepath="tracks/{room_name}", s3=scene.s3_upload(bucket))))))
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = receiver.wait_for("egress_started").verified().egress_info.egress_id
    scene.wait_until_active(livekit, egress_id)
    ann.tone(440, 1.0)
    ann.leave()
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status, info.room_name) == (egress_id, COMPLETE, room)
    assert info.track.track_id.startswith("TR_")
    (key,) = bucket.keys()
    assert info.track.track_id in key, "livekit-server adds the track to the name"
    assert [round(t.length) for t in scene.hears(bucket.download(key, tmp_path), 440)] == [1]


def test_a_room_its_participants_and_their_tracks_at_once(
        livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    """Auto egress of all three kinds that a CreateRoom may ask for."""
    start_worker()
    store = scene.s3_upload(bucket)
    livekit.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room, egress=api.RoomEgress(
        room=scene.guide_request(room, bucket),
        participant=api.AutoParticipantEgress(
            advanced=api.EncodingOptions(audio_codec=api.AudioCodec.OPUS),
            file_outputs=[api.EncodedFileOutput(
                filepath="people/{publisher_identity}", file_type=api.EncodedFileType.OGG, s3=store)]),
        tracks=api.AutoTrackEgress(filepath="tracks/{track_id}", s3=store)))))
    ann = callers.join(livekit, room, "ann").publish()

    def told(event):
        return [d.verified().egress_info for d in receiver.deliveries if d.event == event]
    started = wait_until(lambda: len(told("egress_started")) == 3 and told("egress_started"), "three egresses")
    assert {info.WhichOneof("request") for info in started} == {"room_composite", "participant", "track"}
    assert {info.participant.identity for info in started} == {"", "ann"}
    for info in started:
        scene.wait_until_active(livekit, info.egress_id)
    ann.tone(440, 1.0)
    livekit.close_room(room)
    ended = wait_until(lambda: len(told("egress_ended")) == 3 and told("egress_ended"), "all three end")
    assert {info.status for info in ended} == {COMPLETE}
    keys = bucket.keys()
    assert "people/ann.ogg" in keys and len(keys) == 3, keys
    for nth, key in enumerate(keys):
        (tmp_path / str(nth)).mkdir()
        assert abs(scene.heard(bucket.download(key, tmp_path / str(nth)), 440) - 1.0) <= 0.3, key


def test_one_participant(livekit, start_worker, receiver, bucket, callers, room, tmp_path):
    start_worker()
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    started = scene.use_egress_api(livekit, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="ann", file_outputs=[api.EncodedFileOutput(
            filepath="ann.ogg", file_type=api.EncodedFileType.OGG, s3=scene.s3_upload(bucket))])))
    scene.wait_until_active(livekit, started.egress_id)
    ann.tone(440, 1.0)
    bob.tone(880, 1.0)
    scene.stop_egress(livekit, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.participant.identity) == (COMPLETE, "ann")
    path = bucket.download(bucket.keys()[0], tmp_path)
    assert [round(t.length) for t in scene.hears(path, 440)] == [1]
    assert sum(t.length for t in scene.hears(path, 880)) < 0.2, "nobody else (a tone's onset has some of each)"
