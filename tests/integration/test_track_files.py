"""Each participant's own file beside the mix, and the manifest that says where all of it lies."""

import pytest
import requests
from livekit import api
from support import media, scene
from support.aircheck import run
from support.process import wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

LOW, HIGH, THIRD = 440, 1000, 1700


@pytest.fixture
def service(livekit, start_aircheck, receiver, bucket):
    return start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "storage": {"s3": bucket.config()},
        "network": {"allow": ["127.0.0.0/8"]}})


def test_every_participant_has_a_file_of_their_own(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    started = service.request("POST", "/api/v1/recordings", json={
        "room_name": room, "track_files": True, "outputs": [{"file_type": "wav", "filepath": "calls/{room_name}"}]})
    assert started.status_code == 201, started.text
    egress_id = started.json()["egress_id"]
    scene.wait_until_active(service, egress_id)
    ann.tone(LOW, 2.0)
    bob = callers.join(livekit, room, "bob/../evil").publish()  # comes late
    bob.tone(HIGH, 2.0)
    first_track = ann.publication.sid
    ann.unpublish()
    wait_until(
        lambda: any("ann" in key for key in bucket.keys()), "ann's first track is sent while the call goes on")
    ann.publish()
    ann.tone(THIRD, 2.0)
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")

    manifest = bucket.manifest()
    recording = service.get(f"/api/v1/recordings/{egress_id}")
    assert recording["check"] is None, recording["check"]
    mix, *tracks = recording["files"]
    assert (mix["kind"], mix["filename"]) == ("mix", f"calls/{room}.wav")
    assert [t["kind"] for t in tracks] == ["track"] * 3
    assert [t["identity"] for t in tracks] == ["ann", "bob/../evil", "ann"]
    assert tracks[0]["track_id"] == first_track != tracks[2]["track_id"] == ann.publication.sid
    assert sorted(bucket.keys()) == sorted(f["filename"] for f in recording["files"])
    assert tracks[0]["filename"] == f"calls/{room}/ann-{first_track}.ogg"
    assert tracks[1]["filename"].startswith(f"calls/{room}/bob_.._evil-")

    # LiveKit's readers find the mix where they look, the tracks after it.
    assert [f.filename for f in info.file_results] == [f["filename"] for f in recording["files"]]
    assert info.file.filename == mix["filename"] and info.manifest_location.endswith(f"calls/{egress_id}.json")
    assert recording["manifest_location"] == info.manifest_location
    assert [f["filename"] for f in manifest["files"]] == [f["filename"] for f in recording["files"]]
    assert [f["location"] for f in manifest["files"]] == [f["location"] for f in recording["files"]]
    assert [f.get("offset_samples", 0) for f in manifest["files"]] == \
        [f["offset_samples"] for f in recording["files"]]
    assert {p["identity"] for p in manifest["participants"]} == {"ann", "bob/../evil"}
    conversation = service.wait_for_conversation(room, "complete")
    played = requests.get(conversation["audio_recording_url"], timeout=30).content
    mix_path = bucket.download(mix["filename"], tmp_path)
    assert mix_path.read_bytes() == played, "the conversation's link is that of the mix"

    for track, tone in zip(tracks, (LOW, HIGH, THIRD)):
        path = bucket.download(track["filename"], tmp_path)
        assert media.audio_stream(path)["codec_name"] == "opus"
        (alone,) = scene.hears(path, tone)
        if tone == LOW:
            assert abs(alone.length - 2.0) <= 0.1
        else:  # Published in mid-call: what is said before the recorder is subscribed never comes to it.
            assert 1.7 <= alone.length <= 2.1
        for other in {LOW, HIGH, THIRD} - {tone}:
            assert not scene.hears(path, other, amplitude=0.05)
        (in_mix,) = scene.hears(mix_path, tone)
        offset = track["offset_samples"]
        # To the sample in kept_track_test.cpp; here the mix steers by resampling, and a busy machine may cost its start.
        assert abs(offset / 48000 + alone.end - in_mix.end) <= 0.03
        samples = media.decode(path)
        assert abs(track["duration"] - len(samples) / 48000) <= 0.001


def test_a_rule_makes_them_under_a_template(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = scene.start(
        start_livekit, start_aircheck, receiver, bucket, end_when="last_human_left", end_grace="1s",
        track_files=True, track_filepath="tracks/{room_name}/{track_source}/{track_id}", disable_manifest=True)
    ann = callers.join(server, room, "ann").publish()
    scene.wait_until_recorded(aircheck, room)
    ann.tone(LOW, 1.5)
    track_id = ann.publication.sid
    ann.leave()
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert info.file_results[1].filename == f"tracks/{room}/microphone/{track_id}.ogg"
    assert bucket.manifests() == [] and info.manifest_location == ""
    (tone,) = scene.hears(bucket.download(info.file_results[1].filename, tmp_path), LOW)
    assert abs(tone.length - 1.5) <= 0.1


def test_the_manifest_of_livekits_own_requests(service, receiver, livekit, bucket, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    track = api.TrackEgressRequest(
        room_name=room, track_id=ann.publication.sid,
        file=api.DirectFileOutput(filepath="t/", s3=scene.s3_upload(bucket)))
    started = scene.use_egress_api(service, lambda e: e.start_track_egress(track))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(LOW, 1.0)
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    manifest = bucket.manifest()
    assert bucket.manifests() == [f"t/{info.egress_id}.json"]
    assert info.manifest_location.endswith(f"{bucket.name}/t/{info.egress_id}.json")
    # livekit/egress leaves these empty: it writes them before it has joined.
    assert (manifest["publisher_identity"], manifest["track_id"]) == ("ann", ann.publication.sid)
    assert (manifest["track_kind"], manifest["track_source"]) == ("audio", "microphone")
    assert (manifest["egress_id"], manifest["room_name"]) == (info.egress_id, room)
    assert (manifest["room_id"], manifest["started_at"]) == (info.room_id, info.started_at)
    assert manifest["ended_at"] == info.ended_at
    (file,) = manifest["files"]
    assert (file["filename"], file["location"]) == (info.file_results[0].filename, info.file_results[0].location)


def test_what_could_not_be_sent_is_sent_later_with_its_tracks_and_manifest(
        service, receiver, livekit, bucket, callers, room):
    bucket.minio.client.delete_bucket(Bucket=bucket.name)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, track_files=True, outputs=[{"filepath": "calls/a.mp4"}])
    ann.tone(LOW, 1.5)
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended", limit=180).verified().egress_info
    assert (info.status, info.manifest_location) == (api.EgressStatus.EGRESS_FAILED, "")
    findings = service.get(f"/api/v1/recordings/{egress_id}")["check"]["findings"]
    assert any(ann.publication.sid in finding for finding in findings)

    bucket.minio.client.create_bucket(Bucket=bucket.name)
    done = service.command("egress", "upload", egress_id)
    assert done.returncode == 0, done.stderr
    assert bucket.keys() == ["calls/a.mp4", f"calls/a/ann-{ann.publication.sid}.ogg"]
    manifest = bucket.manifest()
    recording = service.get(f"/api/v1/recordings/{egress_id}")
    assert recording["status"] == "EGRESS_COMPLETE" and recording["check"] is None
    assert [f["location"] for f in manifest["files"]] == [f["location"] for f in recording["files"]]
    assert not any("error" in f for f in manifest["files"])
    assert recording["manifest_location"].endswith(f"calls/{egress_id}.json")
    assert service.command("egress", "upload", egress_id).returncode == 1, "there is nothing left to send"


def test_render_gives_the_same_tracks_again(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, track_files=True, outputs=[{"filepath": "a.wav"}])
    ann.tone(LOW, 1.5)
    scene.stop_egress(service, egress_id)
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    track = recording["files"][1]
    again = tmp_path / "again.wav"
    done = run("render", service.spool(egress_id), "-o", again, "--track-files", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "again").iterdir()
    assert made.name == f"ann-{ann.publication.sid}.ogg"
    with open(track["location"], "rb") as file:
        assert made.read_bytes() == file.read()
    assert done.stdout.splitlines()[1].endswith(f"from sample {track['offset_samples']}")
    refused = run(
        "render", service.spool(egress_id), "-o", tmp_path / "again.mp4", "--track-files", folder=tmp_path)
    assert refused.returncode == 1 and "again/ann" in refused.stderr, "nothing is overwritten"


def test_a_request_that_makes_no_sense_is_refused(service, livekit, callers, room):
    callers.join(livekit, room, "ann")
    for body, words in (
            ({"track_files": "yes"}, "'track_files' is neither true nor false"),
            ({"track_filepath": "{track_id}"}, "without 'track_files': true"),
            ({"track_files": True, "track_filepath": "t/{publisher_identity}"}, "has no {track_id}")):
        answer = service.request("POST", "/api/v1/recordings", json={"room_name": room, **body})
        assert answer.status_code == 400 and words in answer.json()["detail"], answer.text
