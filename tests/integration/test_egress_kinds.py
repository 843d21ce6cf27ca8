"""Participant, track composite, track and v2 egress, asked for by LiveKit's SDK, and the other types of file."""

import hashlib
import subprocess

import pytest
from livekit import api
from support import journal, media, scene
from support.aircheck import binary

pytestmark = pytest.mark.slow  # for the time that `make test` has

LOW, HIGH = 440, 1000


@pytest.fixture
def service(livekit, start_aircheck, receiver):
    return start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})


@pytest.fixture
def ann(livekit, callers, room):
    return callers.join(livekit, room, "ann").publish()


@pytest.fixture
def bob(livekit, callers, room):
    return callers.join(livekit, room, "bob").publish()


def speak_together(ann, bob, seconds=2.0):
    saying = ann.start_tone(LOW, seconds)
    bob.tone(HIGH, seconds)
    saying.result(30)


def test_a_participant_alone_until_they_leave(service, receiver, ann, bob, room):
    started = scene.use_egress_api(service, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="ann",
        file_outputs=[api.EncodedFileOutput(filepath="{publisher_identity}/{room_name}.mp4")])))
    assert started.participant.identity == "ann"
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    ann.leave()
    info = scene.finished(receiver, started.egress_id)
    assert info.details == "End reason: Source closed"
    assert info.file_results[0].filename == f"ann/{room}.mp4"
    assert abs(scene.heard(info.file_results[0].location, LOW) - 2.0) <= 0.1
    assert not scene.hears(info.file_results[0].location, HIGH, amplitude=0.5)


def test_one_track_mixed_alone_in_mp3(service, receiver, ann, bob, room):
    started = scene.use_egress_api(service, lambda e: e.start_track_composite_egress(api.TrackCompositeEgressRequest(
        room_name=room, audio_track_id=bob.publication.sid,
        file_outputs=[api.EncodedFileOutput(filepath="x/", file_type=api.EncodedFileType.MP3)])))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    bob.unpublish()
    info = scene.finished(receiver, started.egress_id)
    path = info.file_results[0].location
    assert media.audio_stream(path)["codec_name"] == "mp3" and path.endswith(".mp3")
    assert abs(scene.heard(path, HIGH) - 2.0) <= 0.1
    assert not scene.hears(path, LOW, amplitude=0.5)
    assert abs(media.duration(path) - info.file_results[0].duration / 1e9) <= 0.03


def test_a_track_keeps_its_opus(service, receiver, ann, bob, room):
    started = scene.use_egress_api(service, lambda e: e.start_track_egress(api.TrackEgressRequest(
        room_name=room, track_id=ann.publication.sid,
        file=api.DirectFileOutput(filepath="{track_source}-{track_type}-{track_id}"))))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    info = scene.finished(receiver, started.egress_id)
    assert info.file_results[0].filename == f"microphone-audio-{ann.publication.sid}.ogg"
    (file,) = service.get(f"/api/v1/recordings/{started.egress_id}")["files"]
    assert (file["kind"], file["track_id"]) == ("track", ann.publication.sid), "one voice is not the conversation"
    path = info.file_results[0].location
    assert media.audio_stream(path)["codec_name"] == "opus"
    assert abs(scene.heard(path, LOW) - 2.0) <= 0.1
    assert not scene.hears(path, HIGH, amplitude=0.5)


def test_a_track_keeps_its_opus_in_mp4(service, receiver, ann, room):
    started = scene.use_egress_api(service, lambda e: e.start_track_egress(api.TrackEgressRequest(
        room_name=room, track_id=ann.publication.sid, file=api.DirectFileOutput(filepath="kept.mp4"))))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(LOW, 2.0)
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert path.endswith("/kept.mp4")
    assert media.audio_stream(path)["codec_name"] == "opus"
    assert abs(scene.heard(path, LOW) - 2.0) <= 0.1
    # The packets are the journal's: each of those that came, in order; a hole's are of one byte.
    spool = service.data_dir / "spool" / started.egress_id
    sent = [hashlib.md5(packet).hexdigest() for packet in journal.payloads(spool / "000001.acj") if len(packet) > 1]
    kept = [md5 for md5, size in media.packets(path) if size > 1]
    assert len(sent) > 100 and kept == sent
    again = path.replace(".mp4", "-again.ogg")
    subprocess.run([binary(), "render", spool, "-o", again], check=True)
    assert [md5 for md5, size in media.packets(again) if size > 1] == kept


def test_routes_put_participants_on_channels(service, receiver, ann, bob, room):
    routes = [
        api.AudioRoute(participant_identity="ann", channel=api.AudioChannel.AUDIO_CHANNEL_LEFT),
        api.AudioRoute(track_id=bob.publication.sid, channel=api.AudioChannel.AUDIO_CHANNEL_RIGHT)]
    started = scene.use_egress_api(service, lambda e: e.start_egress(api.StartEgressRequest(
        room_name=room, media=api.MediaSource(audio=api.AudioConfig(routes=routes)),
        outputs=[api.Output(file=api.FileOutput(filepath="routes.flac"))])))
    assert started.egress.media.audio.routes[0].participant_identity == "ann"
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert media.audio_stream(path)["codec_name"] == "flac"
    subprocess.run(["flac", "--silent", "--test", path], check=True)
    samples = media.decode(path)
    for channel, here, there in ((0, LOW, HIGH), (1, HIGH, LOW)):
        tones = media.tone_intervals(samples[:, channel], here)
        assert abs(sum(tone.length for tone in tones) - 2.0) <= 0.1
        assert not media.tone_intervals(samples[:, channel], there, amplitude=0.5)


def start_v2(service, room, name, **source):
    return scene.use_egress_api(service, lambda e: e.start_egress(api.StartEgressRequest(
        room_name=room, outputs=[api.Output(file=api.FileOutput(filepath=name))], **source)))


def test_routes_by_kind_and_all_that_no_route_names(service, receiver, livekit, callers, ann, bob, room):
    """The agent left by its kind, ann right by her name, bob on both, as nothing is said of him."""
    agent = callers.join(livekit, room, "agent", kind="agent").publish()
    routes = [
        api.AudioRoute(participant_kind=api.ParticipantInfo.Kind.AGENT, channel=api.AudioChannel.AUDIO_CHANNEL_LEFT),
        api.AudioRoute(participant_identity="ann", channel=api.AudioChannel.AUDIO_CHANNEL_RIGHT)]
    started = start_v2(service, room, "routes.flac", media=api.MediaSource(
        audio=api.AudioConfig(routes=routes, capture_all=True)))
    scene.wait_until_active(service, started.egress_id)
    saying = agent.start_tone(2000, 2.0)
    speak_together(ann, bob)
    saying.result(30)
    scene.stop_egress(service, started.egress_id)
    samples = media.decode(scene.finished(receiver, started.egress_id).file_results[0].location)
    for channel, here, there in ((0, (2000, HIGH), LOW), (1, (LOW, HIGH), 2000)):
        for frequency in here:
            tones = media.tone_intervals(samples[:, channel], frequency)
            assert abs(sum(tone.length for tone in tones) - 2.0) <= 0.1, tones
        assert not media.tone_intervals(samples[:, channel], there, amplitude=0.1)


def test_a_template_of_sound(service, receiver, ann, bob, room):
    started = start_v2(service, room, "template.mp4", template=api.TemplateSource(audio_only=True))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    info = scene.finished(receiver, started.egress_id)
    assert info.egress.template.audio_only
    for frequency in (LOW, HIGH):
        assert abs(scene.heard(info.file_results[0].location, frequency) - 2.0) <= 0.1


def test_passthrough_keeps_the_opus(service, receiver, ann, bob, room):
    started = start_v2(
        service, room, "kept", preset=api.EncodingOptionsPreset.PASSTHROUGH,
        media=api.MediaSource(audio=api.AudioConfig(routes=[api.AudioRoute(track_id=ann.publication.sid)])))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert media.audio_stream(path)["codec_name"] == "opus" and path.endswith("kept.ogg")
    assert abs(scene.heard(path, LOW) - 2.0) <= 0.1
    assert not scene.hears(path, HIGH, amplitude=0.5)


def test_one_room_in_mp3(service, receiver, ann, bob, room):
    started = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, file_outputs=[api.EncodedFileOutput(
            filepath="all/{room_name}", file_type=api.EncodedFileType.MP3)])))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    info = scene.finished(receiver, started.egress_id)
    path = info.file_results[0].location
    assert path.endswith(f"all/{room}.mp3") and media.audio_stream(path)["codec_name"] == "mp3"
    for frequency in (LOW, HIGH):
        assert abs(scene.heard(path, frequency) - 2.0) <= 0.1
    assert abs(media.duration(path) - info.file_results[0].duration / 1e9) <= 0.03


def test_wav_at_16_kilohertz_for_a_transcriber(service, receiver, ann, room):
    egress_id = scene.start_recording(service, room, outputs=[
        {"file_type": "wav", "filepath": "calls/{room_name}", "sample_rate": 16000, "channels": 1}])
    ann.tone(LOW, 2.0)
    scene.stop_egress(service, egress_id)
    path = scene.finished(receiver, egress_id).file_results[0].location
    stream = media.audio_stream(path)
    assert path.endswith(f"{room}.wav")
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("pcm_s16le", "16000", 1)
    assert abs(scene.heard(path, LOW) - 2.0) <= 0.1


def test_routes_to_both_channels_are_mono(service, receiver, ann, bob, room):
    routes = [api.AudioRoute(participant_identity="ann")]
    started = scene.use_egress_api(service, lambda e: e.start_egress(api.StartEgressRequest(
        room_name=room, media=api.MediaSource(audio=api.AudioConfig(routes=routes)),
        outputs=[api.Output(file=api.FileOutput(filepath="mono.mp4"))])))
    scene.wait_until_active(service, started.egress_id)
    speak_together(ann, bob)
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert media.audio_stream(path)["channels"] == 1
    assert len(scene.hears(path, LOW)) == 1 and not scene.hears(path, HIGH, amplitude=0.5)


@pytest.mark.parametrize("asked, words", [
    ({"participant": "eve"}, "participant eve not found"),
    ({"track": "TR_nobody"}, "track TR_nobody not found"),
])
def test_who_does_not_come_is_named(service, receiver, ann, room, asked, words):
    if "participant" in asked:
        request = api.ParticipantEgressRequest(
            room_name=room, identity=asked["participant"], file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])
        start = scene.use_egress_api(service, lambda e: e.start_participant_egress(request))
    else:
        request = api.TrackEgressRequest(
            room_name=room, track_id=asked["track"], file=api.DirectFileOutput(filepath="x"))
        start = scene.use_egress_api(service, lambda e: e.start_track_egress(request))
    ann.start_tone(LOW, 60.0)
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (start.egress_id, api.EgressStatus.EGRESS_FAILED)
    assert (info.error, info.error_code) == (words, 404)


def test_a_participant_who_comes_back_soon_goes_on_in_the_file(service, receiver, livekit, callers, ann, room):
    bob = callers.join(livekit, room, "bob").publish()
    started = scene.use_egress_api(service, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="bob", file_outputs=[api.EncodedFileOutput(filepath="back.mp4")])))
    scene.wait_until_active(service, started.egress_id)
    bob.tone(LOW, 1.0)
    bob.leave()
    again = callers.join(livekit, room, "bob").publish()
    again.tone(HIGH, 3.0)  # Its beginning may be lost while the recorder subscribes.
    scene.stop_egress(service, started.egress_id)
    path = scene.finished(receiver, started.egress_id).file_results[0].location
    assert len(scene.hears(path, LOW)) == 1
    (tone,) = scene.hears(path, HIGH)
    assert 1.5 <= tone.length <= 3.1 and tone.start > scene.hears(path, LOW)[0].end
