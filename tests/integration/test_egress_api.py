"""LiveKit's Egress API: unmodified SDKs, pointed at aircheck."""

import json
import time

import pytest
from livekit import api
from support import media, scene
from support.aircheck import TOKEN, run

ALLOW_LOOPBACK = {"network": {"allow": ["127.0.0.0/8"]}}


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}], **ALLOW_LOOPBACK})


def test_the_guides_python_snippet(service, livekit, receiver, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    started = scene.use_egress_api(
        service, lambda egress: egress.start_room_composite_egress(scene.guide_request(room, bucket)))
    assert started.egress_id.startswith("EG_")
    assert (started.room_name, started.status) == (room, api.EgressStatus.EGRESS_STARTING)
    output = started.room_composite.file_outputs[0]
    assert (output.s3.secret, output.s3.access_key) == ("{secret}", "{access_key}")
    scene.wait_until_active(service, started.egress_id)

    ann.tone(440, 2.0)
    stopped = scene.stop_egress(service, started.egress_id)
    assert stopped.status == api.EgressStatus.EGRESS_ENDING

    event = receiver.wait_for("egress_ended").verified()
    info = event.egress_info
    assert (info.egress_id, info.status, info.error) == (started.egress_id, api.EgressStatus.EGRESS_COMPLETE, "")
    (key,) = bucket.keys()
    assert info.file_results[0].filename == key and scene.is_named_by_the_guide(key, room)
    assert bucket.name in info.file_results[0].location
    assert info.started_at < info.file_results[0].ended_at <= info.ended_at <= time.time_ns()
    path = bucket.download(key, tmp_path)
    (tone,) = scene.hears(path, 440)
    assert abs(tone.length - 2.0) <= 0.1
    assert abs(info.file_results[0].duration / 1e9 - media.duration(path)) <= 0.03

    listed = scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(room_name=room)))
    assert [(i.egress_id, i.status) for i in listed.items] == [(started.egress_id, api.EgressStatus.EGRESS_COMPLETE)]
    active = scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(active=True)))
    assert not active.items
    with pytest.raises(api.TwirpError) as again:
        scene.stop_egress(service, started.egress_id)
    assert again.value.code == "failed_precondition"


def test_the_node_sdk(service, livekit, receiver, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    s3 = {"accessKey": scene.ACCESS_KEY, "secret": scene.SECRET_KEY, "bucket": bucket.name, "region": "us-east-1",
          "endpoint": bucket.minio.endpoint, "forcePathStyle": True}
    answer = json.loads(scene.node("record.mjs", service.url, room, json.dumps(s3), "2"))
    saying.cancel()
    assert answer["startedStatus"] == "EGRESS_STARTING"
    assert answer["listedStatus"] == "EGRESS_ACTIVE"
    assert answer["stoppedStatus"] == "EGRESS_ENDING"
    assert answer["secret"] == "{secret}"

    ended = receiver.wait_for("egress_ended")
    seen = json.loads(scene.node("verify.mjs", ended.headers["authorization"], stdin=ended.body.decode()))
    assert (seen["event"], seen["egressId"], seen["roomName"]) == ("egress_ended", answer["egressId"], room)
    (key,) = bucket.keys()
    assert seen["location"].endswith(key)
    path = bucket.download(key, tmp_path)
    assert abs(int(seen["duration"]) / 1e9 - media.duration(path)) <= 0.03
    assert sum(t.length for t in scene.hears(path, 440)) > 1.8


def test_what_is_not_there_yet_is_refused_in_words(service, livekit, bucket, callers, room):
    callers.join(livekit, room, "ann")
    requests = {
        "video": scene.guide_request(room, bucket, audio_only=False),
        "layout": scene.guide_request(room, bucket, layout="grid", custom_base_url="https://example.com"),
    }
    stream = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    stream.stream_outputs.append(api.StreamOutput(protocol=api.StreamProtocol.RTMP, urls=["rtmp://example.com/x"]))
    requests["stream"] = stream
    for what, request in requests.items():
        with pytest.raises(api.TwirpError) as refusal:
            scene.use_egress_api(service, lambda egress: egress.start_room_composite_egress(request))
        assert refusal.value.code in ("unimplemented", "invalid_argument"), what
        assert len(refusal.value.message) > 15, f"{what}: {refusal.value.message}"
    assert not scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest())).items


def test_the_node_sdk_does_not_retry_a_refusal(service, livekit, callers, room):
    callers.join(livekit, room, "ann")
    answer = json.loads(scene.node("refused.mjs", service.url, room))
    assert answer["refused"] and answer["code"] in ("unimplemented", "invalid_argument")
    assert answer["ms"] < 2000, answer


def test_a_room_that_is_not_there(service, bucket):
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(
            service, lambda e: e.start_room_composite_egress(scene.guide_request("nobody-here", bucket)))
    assert refusal.value.code == "not_found"
    assert "requested room does not exist" in refusal.value.message


@pytest.mark.parametrize("key, secret", [("devkey", "wrong-secret-0123456789abcdef-0123456"), ("other", "x" * 36)])
def test_a_wrong_key_is_refused(service, bucket, room, key, secret):
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(
            service, lambda e: e.start_room_composite_egress(scene.guide_request(room, bucket)), key=key, secret=secret)
    assert refusal.value.code == "unauthenticated"


def test_a_bucket_that_is_not_there_keeps_the_file_for_later(
        service, livekit, receiver, bucket, callers, room, tmp_path):
    bucket.minio.client.delete_bucket(Bucket=bucket.name)
    ann = callers.join(livekit, room, "ann").publish()
    started = scene.use_egress_api(
        service, lambda e: e.start_room_composite_egress(scene.guide_request(room, bucket)))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 1.0)
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended", limit=180).verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_FAILED
    assert bucket.name in info.error

    # The recording is there, and goes up once the bucket does exist.
    bucket.minio.client.create_bucket(Bucket=bucket.name)
    done = run("egress", "upload", started.egress_id, folder=tmp_path, server=livekit,
               env={"AIRCHECK_DATA_DIR": str(service.data_dir), "AIRCHECK_HTTP__BIND": f"127.0.0.1:{service.port}",
                    "AIRCHECK_TOKEN": TOKEN, "AIRCHECK_NETWORK__ALLOW": "[127.0.0.0/8]"})
    assert done.returncode == 0, done.stderr
    (key,) = bucket.keys()
    assert len(scene.hears(bucket.download(key, tmp_path), 440)) == 1


def test_our_own_request_over_rest(service, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    answer = service.request("POST", "/api/v1/recordings", json={"room_name": room, "audio_only": True})
    assert answer.status_code == 201, answer.text
    egress_id = answer.json()["egress_id"]
    scene.wait_until_active(service, egress_id)
    ann.tone(440, 1.0)
    ann.leave()
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    (mix,) = recording["files"]
    assert len(scene.hears(mix["location"], 440)) == 1, "kept in the local folder"
    assert service.request("GET", f"/api/v1/recordings/{egress_id}", token=None).status_code == 401
    assert service.request("GET", "/api/v1/recordings/EG_nothere").status_code == 404
