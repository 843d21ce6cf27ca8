"""HLS segments beside a file, in a bucket, asked for by LiveKit's SDK."""

import re

import pytest
from livekit import api
from support import media, scene
from support.process import wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "network": {"allow": ["127.0.0.0/8"]}})


def download_all(bucket, folder):
    """Every object of the bucket under its own name."""
    for key in bucket.keys():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket.minio.client.download_file(bucket.name, key, str(path))
    return folder


def test_segments_and_a_file_from_one_call(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    request = scene.guide_request(room, bucket)
    request.segment_outputs.append(api.SegmentedFileOutput(
        filename_prefix="hls/{room_name}", playlist_name="call", live_playlist_name="live", segment_duration=2,
        s3=scene.s3_upload(bucket)))
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 13.0)
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")
    (segments,), (mix,) = info.segment_results, info.file_results
    folder = download_all(bucket, tmp_path / "bucket")

    playlist = (folder / segments.playlist_name).read_text()
    assert playlist.startswith("#EXTM3U") and playlist.rstrip().endswith("#EXT-X-ENDLIST")
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in playlist and "#EXT-X-TARGETDURATION:2" in playlist
    lengths = [float(text) for text in re.findall(r"#EXTINF:([\d.]+),", playlist)]
    assert len(lengths) == segments.segment_count == len(list((folder / "hls").glob(f"{room}_*.ts")))
    assert abs(sum(lengths) - segments.duration / 1e9) <= 0.05
    assert abs(segments.duration - mix.duration) / 1e9 <= 0.05, "both are of one call"
    live = (folder / segments.live_playlist_name).read_text()
    assert len(re.findall("#EXTINF", live)) == 5 and "#EXT-X-ENDLIST" in live
    assert bucket.name in segments.playlist_location and segments.playlist_location.endswith(segments.playlist_name)

    for path in (folder / segments.playlist_name, folder / mix.filename):
        (tone,) = scene.hears(path, 440)
        assert abs(tone.length - 13.0) <= 0.1, path
    assert media.audio_stream(folder / segments.playlist_name)["codec_name"] == "aac"


def test_segments_alone_play_while_the_call_runs(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, segment_outputs=[api.SegmentedFileOutput(
            filename_prefix="a/seg", playlist_name="index.m3u8", segment_duration=1, s3=scene.s3_upload(bucket))])))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(1000, 6.0)
    growing = download_all(bucket, tmp_path / "growing") / "a/index.m3u8"
    assert "#EXT-X-ENDLIST" not in growing.read_text()
    assert scene.hears(growing, 1000)[0].length >= 2.0
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_COMPLETE and not info.file_results
    assert info.segments.playlist_name == info.segment_results[0].playlist_name
    whole = download_all(bucket, tmp_path / "whole") / info.segments.playlist_name
    (tone,) = scene.hears(whole, 1000)
    assert abs(tone.length - 6.0) <= 0.1


def hls(name, bucket, seconds, **fields):
    return api.SegmentedFileOutput(
        filename_prefix=f"{name}/part", playlist_name="index.m3u8", segment_duration=seconds,
        s3=scene.s3_upload(bucket), **fields)


def finished_playlist(service, receiver, bucket, started, tmp_path):
    """The playlist's path with all its segments beside it, and what is told of it."""
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status, info.error) == (started.egress_id, api.EgressStatus.EGRESS_COMPLETE, "")
    (result,) = info.segment_results
    return download_all(bucket, tmp_path / "bucket") / result.playlist_name, result


def test_segments_named_by_their_time(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    output = hls("time", bucket, 2, filename_suffix=api.SegmentedFileSuffix.TIMESTAMP)
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, segment_outputs=[output])))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 6.0)
    playlist, result = finished_playlist(service, receiver, bucket, started, tmp_path)
    entries = re.findall(
        r"#EXT-X-PROGRAM-DATE-TIME:(\S+)\s+#EXTINF:[\d.]+,\s+part_(\d{17})\.ts", playlist.read_text())
    assert len(entries) == result.segment_count >= 3
    for date, stamp in entries:
        digits = re.sub(r"\D", "", date.removesuffix("Z").split("+")[0])
        assert abs(int(digits[:17]) - int(stamp)) <= 1, "the name is the time that the playlist gives"
    assert abs(scene.heard(playlist, 440) - 6.0) <= 0.1


def test_segments_of_one_participant(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    started = scene.use_egress_api(service, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="ann", segment_outputs=[hls("ann", bucket, 6)])))
    scene.wait_until_active(service, started.egress_id)
    saying = bob.start_tone(1000, 8.0)
    ann.tone(440, 8.0)
    saying.result(30)
    playlist, result = finished_playlist(service, receiver, bucket, started, tmp_path)
    assert "#EXT-X-TARGETDURATION:6" in playlist.read_text() and result.segment_count >= 2
    assert abs(scene.heard(playlist, 440) - 8.0) <= 0.1
    assert not scene.hears(playlist, 1000, amplitude=0.5)


def test_segments_of_one_track(service, receiver, livekit, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    started = scene.use_egress_api(service, lambda e: e.start_track_composite_egress(api.TrackCompositeEgressRequest(
        room_name=room, audio_track_id=bob.publication.sid, segment_outputs=[hls("bob", bucket, 2)])))
    scene.wait_until_active(service, started.egress_id)
    saying = ann.start_tone(440, 5.0)
    bob.tone(1000, 5.0)
    saying.result(30)
    playlist, _ = finished_playlist(service, receiver, bucket, started, tmp_path)
    assert abs(scene.heard(playlist, 1000) - 5.0) <= 0.1
    assert not scene.hears(playlist, 440, amplitude=0.5)


def test_segments_that_could_not_be_sent_are_sent_later(service, receiver, livekit, bucket, callers, room, tmp_path):
    bucket.minio.client.delete_bucket(Bucket=bucket.name)
    ann = callers.join(livekit, room, "ann").publish()
    request = scene.guide_request(room, bucket)
    request.file_outputs[0].filepath = "hls/call.mp4"
    request.segment_outputs.append(hls("hls", bucket, 1, live_playlist_name="live.m3u8"))
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(440, 4.0)
    scene.stop_egress(service, started.egress_id)
    info = receiver.wait_for("egress_ended", limit=180).verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_FAILED
    kept = service.spool(started.egress_id) / "segments"
    assert f"; the segments that were not sent are kept in {kept}" in info.error
    assert len(list(kept.glob("*.ts"))) >= 4

    bucket.minio.client.create_bucket(Bucket=bucket.name)
    done = service.command("egress", "upload", started.egress_id)
    assert done.returncode == 0, done.stderr
    recording = service.get(f"/api/v1/recordings/{started.egress_id}")
    assert recording["status"] == "EGRESS_COMPLETE" and not recording["error"]
    folder = download_all(bucket, tmp_path / "bucket")
    playlist = (folder / "hls/index.m3u8").read_text()
    assert playlist.rstrip().endswith("#EXT-X-ENDLIST")
    names = re.findall(r"^\S+\.ts$", playlist, re.MULTILINE)
    assert names == sorted(names) == sorted(path.name for path in (folder / "hls").glob("*.ts"))
    assert len(re.findall("#EXTINF", (folder / "hls/live.m3u8").read_text())) == min(5, len(names))
    for path in (folder / "hls/index.m3u8", folder / "hls/call.mp4"):
        assert abs(scene.heard(path, 440) - 4.0) <= 0.1, path

    def mended():
        told = [d.verified().egress_info for d in receiver.events("egress_updated")]
        return [i for i in told if i.status == api.EgressStatus.EGRESS_COMPLETE]
    (told,) = wait_until(mended, "receivers are told that it is there")
    (segments,) = told.segment_results
    assert segments.segment_count == len(names) and segments.playlist_location.endswith("hls/index.m3u8")
    assert abs(segments.duration - told.file_results[0].duration) / 1e9 <= 0.05
    (listed,) = bucket.manifest()["playlists"]
    assert [s["filename"] for s in listed["segments"]] == [f"hls/{name}" for name in names]
    assert listed["location"] == segments.playlist_location
    assert not kept.exists()
    assert service.command("egress", "upload", started.egress_id).returncode == 1, "there is nothing left to send"
