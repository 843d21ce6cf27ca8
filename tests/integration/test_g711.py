"""G.711 from a publisher that sends nothing else, through livekit-server: LiveKit's own SDKs cannot."""

import pytest
from livekit import api
from support import media, scene, webrtc

pytestmark = pytest.mark.slow  # for the time that `make test` has

LOW, HIGH = 440, 1000


@pytest.fixture
def livekit(start_livekit):
    return start_livekit(room={"enabled_codecs": [
        {"mime": "audio/opus"}, {"mime": "audio/PCMU"}, {"mime": "audio/PCMA"}]})


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})


@pytest.fixture(params=["audio/PCMU", "audio/PCMA"])
def phone(request, livekit, running, room):
    phone = running.add(webrtc.Publisher(livekit, room, "phone", request.param))
    (track,) = livekit.participants(room)["phone"].tracks
    assert track.mime_type == request.param, "livekit-server takes it as what it is"
    return phone


def test_it_is_mixed_with_opus_and_has_a_file_of_its_own(service, livekit, callers, room, phone):
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, track_files=True, outputs=[{"filepath": "call.mp4"}])
    saying = ann.start_tone(HIGH, 3.0)
    phone.tone(LOW, 3.0)
    saying.result(60)
    scene.stop_egress(service, egress_id)
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert recording["check"] is None, recording["check"]
    mix, *tracks = recording["files"]
    assert abs(scene.heard(mix["location"], LOW) - 3.0) <= 0.3
    assert abs(scene.heard(mix["location"], HIGH) - 3.0) <= 0.3

    (own,) = (track for track in tracks if track["identity"] == "phone")
    assert own["track_id"] == phone.track.sid and own["filename"].endswith(".ogg")
    assert media.audio_stream(own["location"])["codec_name"] == "opus"
    assert not scene.hears(own["location"], HIGH, amplitude=0.05), "nobody else"
    in_mix, alone = scene.hears(mix["location"], LOW), scene.hears(own["location"], LOW)
    assert abs(sum(tone.length for tone in alone) - sum(tone.length for tone in in_mix)) <= 0.04
    assert abs(own["offset_samples"] / 48000 + alone[0].start - in_mix[0].start) <= 0.03
    assert abs(own["duration"] - len(media.decode(own["location"])) / 48000) <= 0.001


def test_a_track_alone_becomes_opus(service, receiver, room, phone):
    started = scene.use_egress_api(service, lambda e: e.start_track_egress(api.TrackEgressRequest(
        room_name=room, track_id=phone.track.sid, file=api.DirectFileOutput(filepath="phone"))))
    scene.wait_until_active(service, started.egress_id)
    phone.tone(LOW, 3.0)
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert path.endswith("/phone.ogg") and media.audio_stream(path)["codec_name"] == "opus"
    assert abs(scene.heard(path, LOW) - 3.0) <= 0.3
