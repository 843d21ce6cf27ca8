"""A track's sound over a WebSocket: livekit/egress's Stream/Track (websocket), and what it lacks."""

import pytest
from livekit import api
from support import media, scene
from support.pcm_server import DeafServer, PcmServer
from support.process import free_port, wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

LOW, HIGH = 440, 1000


@pytest.fixture
def listener(running):
    return running.add(PcmServer())


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "network": {"allow": ["127.0.0.1"]}})


@pytest.fixture
def ann(livekit, callers, room):
    return callers.join(livekit, room, "ann").publish()


def start(service, room, ann, url):
    return scene.use_egress_api(service, lambda e: e.start_track_egress(api.TrackEgressRequest(
        room_name=room, track_id=ann.publication.sid, websocket_url=url))).egress_id


def wait_for_seconds(listener, seconds, connection=0):
    wait_until(
        lambda: len(listener.connections) > connection and len(listener.samples(connection)) >= seconds * media.RATE,
        f"{seconds} s of sound")


def test_it_is_pcm_with_mutes_where_they_lie(service, receiver, ann, room, listener):
    egress_id = start(service, room, ann, listener.url)
    scene.wait_until_active(service, egress_id)
    ann.tone(LOW, 2.0)
    ann.mute()
    wait_until(lambda: listener.texts(), "the news of the mute")
    ann.unmute()
    wait_until(lambda: len(listener.texts()) == 2, "the news of the end of the mute")
    ann.tone(HIGH, 2.0)
    scene.stop_egress(service, egress_id)
    info = scene.finished(receiver, egress_id)

    taken = listener.connections[0]
    assert taken[0][1]["content-type"] == "audio/x-raw"
    assert listener.texts() == [{"muted": True}, {"muted": False}]
    assert {len(frame) for frame in listener.frames()[:-1]} == {3840}, "20 ms of two channels"
    samples = listener.samples()
    assert (samples[:, 0] == samples[:, 1]).all(), "one voice is heard on both"
    (low,) = media.tone_intervals(samples, LOW)
    (high,) = media.tone_intervals(samples, HIGH)
    assert abs(low.length - 2.0) <= 0.1 and 1.5 <= high.length <= 2.1
    at = 0
    said = []
    for kind, what in taken:
        if kind == "pcm":
            at += len(what) / 4 / media.RATE
        elif kind == "text":
            said.append(at)
    assert low.end - 0.1 <= said[0] <= said[1] <= high.start + 0.5, "the news lies in the sound"
    assert taken[-1] == ("closed", 1000)
    (stream,) = info.stream_results
    assert stream.status == api.StreamInfo.Status.FINISHED and "secret" not in stream.url
    assert abs(stream.duration / 1e9 - len(samples) / media.RATE) <= 2.0


def test_a_stream_output_of_one_track(service, receiver, ann, room, listener):
    routes = [api.AudioRoute(track_id=ann.publication.sid)]
    started = scene.use_egress_api(service, lambda e: e.start_egress(api.StartEgressRequest(
        room_name=room, media=api.MediaSource(audio=api.AudioConfig(routes=routes)),
        outputs=[api.Output(stream=api.StreamOutput(protocol=api.StreamProtocol.WEBSOCKET, urls=[listener.url]))])))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(LOW, 2.0)
    scene.stop_egress(service, started.egress_id)
    scene.finished(receiver, started.egress_id)
    (tone,) = media.tone_intervals(listener.samples(), LOW)
    assert abs(tone.length - 2.0) <= 0.1


def test_a_server_that_breaks_off_is_connected_to_again(service, receiver, ann, room, listener):
    egress_id = start(service, room, ann, listener.url)
    saying = ann.start_tone(LOW, 60.0)
    wait_for_seconds(listener, 2)
    listener.refuse()
    listener.drop()
    wait_until(lambda: listener.connections[0][-1][0] == "closed", "the end of the first connection")
    listener.refuse(False)
    wait_for_seconds(listener, 2, connection=1)
    scene.stop_egress(service, egress_id)
    info = scene.finished(receiver, egress_id)
    (stream,) = info.stream_results
    assert stream.status == api.StreamInfo.Status.FINISHED and stream.retries >= 1
    assert media.tone_intervals(listener.samples(1), LOW)
    saying.cancel()


def test_who_never_reads_holds_nothing_up(service, receiver, running, ann, room, listener):
    deaf = running.add(DeafServer())
    stalled = start(service, room, ann, deaf.url)
    heard = start(service, room, ann, listener.url)
    saying = ann.start_tone(LOW, 120.0)
    info = receiver.wait_for("egress_ended", limit=120).verified().egress_info
    assert (info.egress_id, info.status) == (stalled, api.EgressStatus.EGRESS_FAILED)
    assert "took nothing for 30 s" in info.error and "secret" not in info.error
    assert info.stream_results[0].status == api.StreamInfo.Status.FAILED
    wait_for_seconds(listener, 30)
    tones = media.tone_intervals(listener.samples(), LOW)
    assert sum(tone.length for tone in tones) >= 20
    scene.stop_egress(service, heard)
    saying.cancel()


def test_nobody_there_is_named(service, receiver, ann, room):
    port = free_port()
    egress_id = start(service, room, ann, f"ws://127.0.0.1:{port}/sound?key=secret")
    saying = ann.start_tone(LOW, 30.0)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_FAILED)
    assert f"127.0.0.1:{port}" in info.error and "secret" not in info.error
    saying.cancel()


def test_a_private_address_takes_leave(livekit, start_aircheck, receiver, ann, room, listener):
    strict = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    egress_id = start(strict, room, ann, listener.url)
    saying = ann.start_tone(LOW, 30.0)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_FAILED)
    assert "network.allow" in info.error and not listener.connections
    saying.cancel()
