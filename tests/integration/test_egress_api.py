"""LiveKit's Egress API: unmodified SDKs, pointed at aircheck."""

import concurrent.futures
import functools
import json
import time

import pytest
import requests
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
    assert info.started_at < info.file_results[0].started_at < info.file_results[0].ended_at
    assert info.file_results[0].ended_at <= info.ended_at <= time.time_ns()
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


def test_an_egress_that_is_not_there(service):
    for call in (lambda e: e.stop_egress(api.StopEgressRequest(egress_id="EG_nothere")),
                 lambda e: e.list_egress(api.ListEgressRequest(egress_id="EG_nothere"))):
        with pytest.raises(api.TwirpError) as refusal:
            scene.use_egress_api(service, call)
        assert (refusal.value.code, refusal.value.message) == ("not_found", "egress does not exist")


def test_the_node_sdk_reads_our_refusals(service, livekit, callers, room):
    callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    said = json.loads(scene.node("errors.mjs", service.url, room, egress_id))
    assert said["unknownRoom"] == {"code": "not_found", "status": 404, "message": "requested room does not exist"}
    assert said["unknownEgress"] == {"code": "not_found", "status": 404, "message": "egress does not exist"}
    assert (said["stoppedTwice"]["code"], said["stoppedTwice"]["status"]) == ("failed_precondition", 412)
    assert (said["wrongSecret"]["code"], said["wrongSecret"]["status"]) == ("unauthenticated", 401)


@pytest.mark.parametrize("key, secret", [("devkey", "wrong-secret-0123456789abcdef-0123456"), ("other", "x" * 36)])
def test_a_wrong_key_is_refused(service, bucket, room, key, secret):
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(
            service, lambda e: e.start_room_composite_egress(scene.guide_request(room, bucket)), key=key, secret=secret)
    assert refusal.value.code == "unauthenticated"


def twirp(service, method, body, token, **headers):
    """The wire itself, in JSON."""
    return requests.post(
        f"{service.url}/twirp/livekit.Egress/{method}", json=body, timeout=30,
        headers={**({"Authorization": f"Bearer {token}"} if token else {}), **headers})


def test_a_token_needs_the_grant(service, livekit, room):
    recorder = livekit.token("crm", room, room_record=True)
    tokens = {None: 401, livekit.token("ann", room): 401, TOKEN + "x": 401, recorder: 200}
    for token, status in tokens.items():
        answer = twirp(service, "ListEgress", {}, token)
        assert answer.status_code == status, answer.text
        if status == 401:
            assert answer.json()["code"] == "unauthenticated"
    assert service.request("GET", "/api/v1/conversations", token=None).status_code == 401
    refused = service.request("GET", "/api/v1/conversations", token=livekit.token("ann", room))
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


def test_a_request_that_is_sent_again_starts_nothing_more(service, livekit, callers, room):
    callers.join(livekit, room, "ann").publish()
    token = livekit.token("crm", room, room_record=True)
    body = {"room_name": room, "audio_only": True, "file_outputs": [{"file_type": "MP4", "filepath": "x.mp4"}]}
    send = functools.partial(
        twirp, service, "StartRoomCompositeEgress", body, token, **{"X-Livekit-Request-Id": f"TR_{room}"})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(send) for _ in range(4)]] + [send()]
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]
    assert len({a.json()["egress_id"] for a in answers}) == 1
    listed = scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(room_name=room)))
    assert len(listed.items) == 1
    body["file_outputs"][0]["filepath"] = "y.mp4"
    other = twirp(service, "StartRoomCompositeEgress", body, token, **{"X-Livekit-Request-Id": f"TR_{room}-2"})
    assert other.json()["egress_id"] != answers[0].json()["egress_id"]


def test_secrets_are_in_no_answer_and_no_file(service, livekit, receiver, bucket, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    request = scene.guide_request(room, bucket)
    request.webhooks.append(api.WebhookConfig(url=receiver.url("/own"), signing_key=scene.KEY))
    answers = []
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 0.5)
    answers += [started, scene.stop_egress(service, started.egress_id)]
    receiver.wait_for("egress_ended")
    receiver.wait_for("egress_ended", path="/own")
    answers.append(scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(room_name=room))))
    said = [str(a) for a in answers] + [d.body.decode() for d in receiver.deliveries]
    said.append(service.request("GET", f"/api/v1/recordings/{started.egress_id}").text)
    for text in said:
        assert scene.SECRET_KEY not in text and scene.ACCESS_KEY not in text
    service.stop()
    for path in [service.process.log, *service.data_dir.rglob("*")]:
        if path.is_file():
            kept = path.read_bytes()
            assert scene.SECRET_KEY.encode() not in kept, path
            assert scene.SECRET.encode() not in kept, path


@pytest.mark.parametrize("file_type, codec, extension", [("OGG", "opus", "ogg"), ("MP4", "aac", "mp4")])
def test_encoding_options_are_honoured(service, livekit, callers, room, file_type, codec, extension):
    ann = callers.join(livekit, room, "ann").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(
        file_type=api.EncodedFileType.Value(file_type), filepath=f"calls/{room}"))
    if file_type == "MP4":
        request.advanced.CopyFrom(api.EncodingOptions(audio_bitrate=32, audio_frequency=44100))
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 4.0)
    scene.stop_egress(service, started.egress_id)
    (mix,) = service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")["files"]
    assert mix["filename"] == f"calls/{room}.{extension}"
    stream = media.audio_stream(mix["location"])
    assert stream["codec_name"] == codec
    if file_type == "MP4":
        assert stream["sample_rate"] == "44100"
        assert 20_000 < int(stream["bit_rate"]) < 40_000
    (tone,) = scene.hears(mix["location"], 440)
    assert abs(tone.length - 4.0) <= 0.1


@pytest.mark.parametrize("mistake, words", [
    ({"audio_mixing": 99}, "audio_mixing"),
    ({"advanced": {"audio_codec": "AC_MP3"}}, "AC_MP3"),
    ({"file_outputs": [{"filepath": "x", "aliOSS": {"bucket": "b"}}]}, "aliOSS"),
    ({"file_outputs": [{"filepath": "x", "gcp": {"bucket": "b-1", "credentials": "{}"}}]}, "gcp"),
    ({"file_outputs": []}, "output"),
    ({"stream_outputs": [{"urls": ["rtmp://x/y"]}]}, "rtmp urls must be of format"),
    ({"advanced": {"audio_frequency": 12345}}, "audio_frequency"),
])
def test_what_cannot_be_done_is_named(service, livekit, callers, room, mistake, words):
    callers.join(livekit, room, "ann")
    body = {"room_name": room, "audio_only": True, "file_outputs": [{"filepath": "x.mp4"}], **mistake}
    answer = twirp(service, "StartRoomCompositeEgress", body, livekit.token("crm", room, room_record=True))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument"), answer.text
    assert words in answer.json()["msg"], answer.text


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


@pytest.mark.parametrize("path, content_type, code", [
    ("/twirp/livekit.Egress/StartRoomCompositeEgress", "application/json", "invalid_argument"),
    ("/api/v1/recordings", "application/problem+json", None),
])
def test_a_body_that_is_too_large_is_refused_in_each_apis_own_words(service, path, content_type, code):
    answer = service.request("POST", path, data=b"x" * (10 * 1024 * 1024 + 1), token=None)
    assert (answer.status_code, answer.headers["content-type"]) == (413, content_type), answer.text
    body = answer.json()
    if code:
        assert body["code"] == code and "10 MiB" in body["msg"]
    else:
        assert (body["status"], body["title"]) == (413, "Content Too Large") and "10 MiB" in body["detail"]


def test_our_own_request_over_rest(service, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 1.0)
    ann.leave()
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    (mix,) = recording["files"]
    assert len(scene.hears(mix["location"], 440)) == 1, "kept in the local folder"
    assert service.request("GET", f"/api/v1/recordings/{egress_id}", token=None).status_code == 401
    assert service.request("GET", "/api/v1/recordings/EG_nothere").status_code == 404
