"""Live streams by RTMP and SRT, received by ffmpeg; with the names of livekit/egress's own matrix (survey, section 4)."""

import pytest
from livekit import api
from support import media, scene, streams
from support.process import free_port, wait_until

pytestmark = pytest.mark.slow

ACTIVE, FINISHED, FAILED = (api.StreamInfo.ACTIVE, api.StreamInfo.FINISHED, api.StreamInfo.FAILED)


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "network": {"allow": ["127.0.0.0/8"]}})


@pytest.fixture
def servers(running, tmp_path):
    """Starts servers for streams; all are stopped with the test."""
    class Servers:
        def rtmp(self, name, **options):
            return running.add(streams.rtmp_receiver(tmp_path / f"{name}.flv", **options))

        def srt(self, name, **options):
            return running.add(streams.srt_receiver(tmp_path / f"{name}.ts", **options))

        def wedge(self):
            return running.add(streams.Wedge())

        def refusal(self, words):
            return running.add(streams.Refusal(words))
    return Servers()


def room_request(room, *urls, protocol=api.StreamProtocol.RTMP, **more):
    return api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, stream_outputs=[api.StreamOutput(protocol=protocol, urls=urls)], **more)


def start(service, request, method="start_room_composite_egress"):
    return scene.use_egress_api(service, lambda e: getattr(e, method)(request)).egress_id


def info_of(service, egress_id):
    answer = scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(egress_id=egress_id)))
    return answer.items[0]


def update(service, egress_id, *, add=(), remove=()):
    return scene.use_egress_api(service, lambda e: e.update_stream(api.UpdateStreamRequest(
        egress_id=egress_id, add_output_urls=add, remove_output_urls=remove)))


def wait_for_states(service, egress_id, *states):
    """Once the streams are in these states, in the order of coming; gives the info."""
    def ask():
        info = info_of(service, egress_id)
        return info if tuple(one.status for one in info.stream_results) == states else None
    return wait_until(ask, f"streams of {egress_id} in {states}", limit=90)


def wait_for_end(service, egress_id):
    def ask():
        info = info_of(service, egress_id)
        return info if info.status >= api.EgressStatus.EGRESS_COMPLETE else None
    return wait_until(ask, f"{egress_id} is over", limit=90)


def bad_url():
    return streams.rtmp_url(free_port(), "nobody-is-there")


def longest_tone(path, frequency):
    return max((tone.length for tone in scene.hears(path, frequency)), default=0)


def drive_matrix(service, servers, egress_id, first, second, urls):
    """One good and one bad URL at the start, one good and one bad added, the first removed."""
    wait_for_states(service, egress_id, ACTIVE, FAILED)
    first.wait_for_media()
    info = update(service, egress_id, add=[second.url, urls["bad2"]])
    assert len(info.stream_results) == 4
    wait_for_states(service, egress_id, ACTIVE, FAILED, ACTIVE, FAILED)
    second.wait_for_media()
    update(service, egress_id, remove=[first.url])
    info = wait_for_states(service, egress_id, FINISHED, FAILED, ACTIVE, FAILED)
    assert info.status == api.EgressStatus.EGRESS_ACTIVE, "one that fails does not end the others"
    return info


@pytest.mark.parametrize("name", ["Stream/RoomComposite", "Stream/ParticipantComposite", "Stream/TrackComposite",
                                  "Stream/Template", "Stream/Media"])
def test_stream_matrix(name, service, receiver, servers, livekit, callers, room):
    kind = name.split("/")[1]
    ann = callers.join(livekit, room, "ann").publish()
    first, second = servers.rtmp("first"), servers.rtmp("second")
    urls = {"bad": bad_url(), "bad2": bad_url()}
    output = api.StreamOutput(protocol=api.StreamProtocol.RTMP, urls=[first.url, urls["bad"]])
    if kind == "RoomComposite":
        egress_id = start(service, room_request(room, first.url, urls["bad"]))
    elif kind == "ParticipantComposite":
        egress_id = start(service, api.ParticipantEgressRequest(
            room_name=room, identity="ann", stream_outputs=[output]), "start_participant_egress")
    elif kind == "TrackComposite":
        egress_id = start(service, api.TrackCompositeEgressRequest(
            room_name=room, audio_track_id=ann.publication.sid, stream_outputs=[output]), "start_track_composite_egress")
    else:
        source = {"template": {"audio_only": True}} if kind == "Template" else {"media": {"audio": {"capture_all": True}}}
        answer = service.request("POST", "/twirp/livekit.Egress/StartEgress", json={
            "room_name": room, **source, "outputs": [{"stream": {"protocol": "RTMP", "urls": [first.url, urls["bad"]]}}]})
        assert answer.status_code == 200, answer.text
        egress_id = answer.json()["egress_id"]
    ann.start_tone(440, 60.0)
    drive_matrix(service, servers, egress_id, first, second, urls)
    heard = longest_tone(first.wait_for_end(), 440)
    assert heard >= 1.0
    assert media.audio_stream(first.path)["codec_name"] == "aac"
    assert media.audio_stream(first.path)["sample_rate"] == "48000"
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")
    assert [one.status for one in info.stream_results] == [FINISHED, FAILED, FINISHED, FAILED]
    assert info.stream_results[0].url.endswith("/live/{str...est}"), "keys are not told"
    assert info.stream_results[0].duration > 0 and info.stream_results[1].error
    assert longest_tone(second.wait_for_end(), 440) >= 1.0
    log = service.process.tail(1_000_000)
    assert "stream-key-of-the-test" not in log and "nobody-is-there" not in log


def test_stream_srt(service, receiver, servers, livekit, callers, room):
    """Stream/Web (SRT) of the matrix, with a room: there are no web pages here."""
    ann = callers.join(livekit, room, "ann").publish()
    first, second = servers.srt("first"), servers.srt("second", query="?passphrase=a-long-passphrase")
    bad, bad2 = f"srt://127.0.0.1:{free_port()}?streamid=nobody", f"srt://127.0.0.1:{free_port()}"
    egress_id = start(service, room_request(room, first.url, bad, protocol=api.StreamProtocol.SRT))
    ann.start_tone(440, 60.0)
    drive_matrix(service, servers, egress_id, first, second, {"bad2": bad2})
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_COMPLETE
    assert "passphrase={...}" in info.stream_results[2].url
    for one in (first, second):
        assert longest_tone(one.wait_for_end(), 440) >= 1.0


def test_multi_file_stream_segments(service, receiver, servers, livekit, bucket, callers, room, tmp_path):
    """Multi/*: one encode for a file, a playlist and a stream."""
    ann = callers.join(livekit, room, "ann").publish()
    server = servers.rtmp("live")
    request = scene.guide_request(room, bucket)
    request.segment_outputs.append(api.SegmentedFileOutput(
        filename_prefix="hls/seg", playlist_name="call", segment_duration=2, s3=scene.s3_upload(bucket)))
    request.stream_outputs.append(api.StreamOutput(urls=[server.url]))  # By its scheme.
    egress_id = start(service, request)
    scene.wait_until_active(service, egress_id)
    ann.tone(440, 8.0)
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")
    (mix,), (segments,), (stream,) = info.file_results, info.segment_results, info.stream_results
    assert stream.status == FINISHED
    mix_path = tmp_path / "mix.mp4"
    bucket.minio.client.download_file(bucket.name, mix.filename, str(mix_path))
    assert abs(longest_tone(mix_path, 440) - 8.0) <= 0.1
    assert segments.segment_count >= 3
    received = server.wait_for_end()
    assert longest_tone(received, 440) >= 6.0, "all but what came before it was connected"
    sent = {packet["size"] for packet in media.probe(received, packets=True)["packets"]}
    filed = {packet["size"] for packet in media.probe(mix_path, packets=True)["packets"]}
    assert sent <= filed, "the stream has the file's own packets"


def test_removing_the_last_stream_ends_it(service, receiver, servers, livekit, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    server = servers.rtmp("live")
    egress_id = start(service, room_request(room, server.url))
    ann.start_tone(440, 30.0)
    server.wait_for_media()
    with pytest.raises(api.TwirpError) as unknown:
        update(service, egress_id, remove=[streams.rtmp_url(1935, "not-one-of-them")])
    assert unknown.value.code == "not_found" and "{not...hem} not found" in unknown.value.message
    update(service, egress_id, remove=[server.url])
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.details) == (api.EgressStatus.EGRESS_COMPLETE, "End reason: All streams stopped")
    assert [one.status for one in info.stream.info] == [FINISHED], "the field of old has them too"
    with pytest.raises(api.TwirpError) as over:
        update(service, egress_id, add=[server.url])
    assert over.value.code == "failed_precondition"
    assert "egress with status EGRESS_COMPLETE cannot be updated" in over.value.message


def test_edge_rtmp_failure(service, receiver, livekit, callers, room):
    """EdgeCases/RtmpFailure: the only URL leads nowhere."""
    callers.join(livekit, room, "ann").publish().start_tone(440, 30.0)
    egress_id = start(service, room_request(room, bad_url()))
    info = wait_for_end(service, egress_id)
    assert (info.status, info.error_code) == (api.EgressStatus.EGRESS_FAILED, 503)
    assert "the last stream failed: rtmp://127.0.0.1" in info.error and "nobody" not in info.error
    assert [(one.status, one.retries) for one in info.stream_results] == [(FAILED, 0)]


def test_edge_rtmp_publish_reject(service, servers, livekit, callers, room):
    """EdgeCases/RtmpPublishReject: the server's own words are told, without the key in them."""
    callers.join(livekit, room, "ann").publish().start_tone(440, 30.0)
    server = servers.refusal("my-secret-key is taken")
    egress_id = start(service, room_request(room, streams.rtmp_url(server.port, "my-secret-key")))
    info = wait_for_end(service, egress_id)
    assert info.status == api.EgressStatus.EGRESS_FAILED
    assert (info.stream_results[0].status, info.stream_results[0].retries) == (FAILED, 0)
    assert "{...} is taken" in info.stream_results[0].error and "my-secret-key" not in info.error


def test_edge_srt_failure(service, receiver, livekit, callers, room):
    """EdgeCases/SrtFailure."""
    callers.join(livekit, room, "ann").publish().start_tone(440, 30.0)
    egress_id = start(service, room_request(room, f"srt://127.0.0.1:{free_port()}", protocol=api.StreamProtocol.SRT))
    info = wait_for_end(service, egress_id)
    assert (info.status, info.stream_results[0].status) == (api.EgressStatus.EGRESS_FAILED, FAILED)
    assert info.stream_results[0].error


def test_edge_rtmp_silent_wedge(service, receiver, servers, livekit, bucket, callers, room, tmp_path):
    """EdgeCases/RtmpSilentWedge: a server that takes the connection and never answers costs the file nothing."""
    ann = callers.join(livekit, room, "ann").publish()
    request = scene.guide_request(room, bucket)
    request.stream_outputs.append(api.StreamOutput(urls=[streams.rtmp_url(servers.wedge().port, "key-of-the-wedge")]))
    egress_id = start(service, request)
    scene.wait_until_active(service, egress_id)
    ann.start_tone(440, 60.0)
    info = wait_for_states(service, egress_id, FAILED)
    assert info.status == api.EgressStatus.EGRESS_ACTIVE
    assert info.stream_results[0].error == "no progress for 30 s"
    assert 29e9 <= info.stream_results[0].duration <= 60e9
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")
    path = tmp_path / "mix.mp4"
    bucket.minio.client.download_file(bucket.name, info.file_results[0].filename, str(path))
    assert scene.heard(path, 440) >= 25.0, "no hole where the stream stalled"


def test_edge_empty_stream_bin(service, receiver, servers, livekit, bucket, callers, room):
    """EdgeCases/EmptyStreamBin: no URL at first, a place for later ones beside a file."""
    ann = callers.join(livekit, room, "ann").publish()
    request = scene.guide_request(room, bucket)
    request.stream_outputs.append(api.StreamOutput(protocol=api.StreamProtocol.RTMP))
    egress_id = start(service, request)
    scene.wait_until_active(service, egress_id)
    ann.start_tone(440, 60.0)
    server = servers.rtmp("later")
    assert len(update(service, egress_id, add=[server.url]).stream_results) == 1
    server.wait_for_media()
    update(service, egress_id, remove=[server.url])
    info = wait_for_states(service, egress_id, FINISHED)
    assert info.status == api.EgressStatus.EGRESS_ACTIVE, "the file goes on"
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert info.status == api.EgressStatus.EGRESS_COMPLETE and info.file_results[0].location
    assert longest_tone(server.wait_for_end(), 440) >= 1.0


def test_a_server_that_comes_back_gets_the_stream_again(service, receiver, servers, livekit, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    port = free_port()
    before = servers.rtmp("before", port=port)
    egress_id = start(service, room_request(room, before.url))
    ann.start_tone(440, 90.0)
    before.wait_for_media(more_than=20_000)
    before.kill()
    wait_until(lambda: info_of(service, egress_id).stream_results[0].retries >= 1, "it is tried again", limit=30)
    after = servers.rtmp("after", port=port)
    after.wait_for_media(more_than=20_000)
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    (stream,) = info.stream_results
    assert (info.status, stream.status) == (api.EgressStatus.EGRESS_COMPLETE, FINISHED)
    assert stream.retries >= 1 and stream.last_retry_at > stream.started_at
    assert longest_tone(after.wait_for_end(), 440) >= 1.0


def test_after_a_kill_the_streams_of_now_are_connected_to(service, receiver, servers, livekit, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    port = free_port()
    removed, added = servers.rtmp("removed"), servers.rtmp("added", port=port)
    egress_id = start(service, room_request(room, removed.url))
    ann.start_tone(440, 120.0)
    removed.wait_for_media()
    update(service, egress_id, add=[added.url])
    added.wait_for_media()
    update(service, egress_id, remove=[removed.url])
    service.kill()
    added.wait_for_end()
    again = servers.rtmp("again", port=port)
    service.start()
    again.wait_for_media(more_than=20_000)
    scene.stop_egress(service, egress_id)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_COMPLETE)
    assert [s.status for s in info.stream_results] == [FINISHED, FINISHED], "what was removed is still told of"
    assert longest_tone(again.wait_for_end(), 440) >= 1.0


def test_without_leave_a_private_server_is_not_reached(start_aircheck, livekit, callers, room):
    service = start_aircheck(server=livekit)
    callers.join(livekit, room, "ann").publish().start_tone(440, 30.0)
    egress_id = start(service, room_request(room, bad_url()))
    info = wait_for_end(service, egress_id)
    assert "127.0.0.1 is not a public address, and network.allow does not list it" in info.error
