"""The product's main job: LiveKit says who joined, aircheck records, announces and remembers."""

import threading
import time

import numpy as np
import requests
from support import media, scene
from support.media import RATE
from support.process import free_port

# How much longer or shorter a tone may be found than it was spoken.
TONE = 0.1
# How long after its track appears the first sample must be there.
FIRST_SAMPLE = 0.2
SILENCE = 0.06
# An AAC frame is 21 ms; lengths told in different places differ by no more than one and a rounding.
SAME_LENGTH = 0.03

RULE = {"rooms": "*", "on": "participant_joined", "filepath": "recordings/{room_name}-{time}.mp4"}


def start_scene(start_livekit, start_aircheck, receiver, bucket, **rule):
    """livekit-server and aircheck that know of each other; one auto_record rule."""
    port = free_port()
    server = start_livekit(webhook_urls=[f"http://127.0.0.1:{port}/webhooks/livekit"])
    aircheck = start_aircheck(server=server, port=port, config={
        "auto_record": [{**RULE, **rule}],
        "webhooks": [{"url": receiver.url()}, {"url": receiver.url("/simple"), "format": "simple"}],
        "storage": {"s3": bucket.config()},
    })
    return server, aircheck


def test_a_call_is_recorded_announced_and_remembered(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = start_scene(start_livekit, start_aircheck, receiver, bucket)

    ann = callers.join(server, room, "ann")
    ann.publish()
    ann.say(np.concatenate([media.tone(440, 2.0), media.silence(1.0), media.tone(440, 1.5)]))
    bob = callers.join(server, room, "bob").publish()  # comes late
    bob.tone(1000, 2.0)
    time.sleep(1.0)
    saying = bob.start_tone(1000, 3.0)
    time.sleep(1.0)
    bob.mute()
    time.sleep(1.0)
    bob.unmute()
    saying.result(30)
    time.sleep(0.5)
    ann.leave()
    bob.leave()

    # Announced, in LiveKit's own words, and in order.
    ended = receiver.wait_for("egress_ended")
    info = ended.verified().egress_info
    assert [d.event for d in receiver.deliveries if d.path == "/webhook"][0] == "egress_started"
    assert (info.room_name, info.error, len(info.file_results)) == (room, "", 1)
    assert "status" in ended.json["egressInfo"] and ended.json["egressInfo"]["status"] == "EGRESS_COMPLETE"

    # In the bucket, under the guide's name, complete.
    (key,) = bucket.keys()
    assert scene.is_named_by_the_guide(key, room), key
    result = info.file_results[0]
    assert result.filename == key
    assert result.size == bucket.head(key)["ContentLength"]
    assert bucket.head(key)["ContentType"] == "video/mp4" or bucket.head(key)["ContentType"] == "audio/mp4"
    path = bucket.download(key, tmp_path)

    # What was spoken is heard, as long as it was spoken, and silence is silence.
    samples = media.decode(path)
    stream = media.audio_stream(path)
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("aac", "48000", 1)
    first, second = media.tone_intervals(samples, 440)
    assert 2.0 - FIRST_SAMPLE <= first.length <= 2.0 + TONE, first
    assert first.start <= FIRST_SAMPLE, "the recording begins with the first media"
    assert abs(second.length - 1.5) <= TONE, second
    assert abs(second.start - first.end - 1.0) <= SILENCE, (first, second)
    between = samples[int((first.end + SILENCE) * RATE):int((second.start - SILENCE) * RATE)]
    assert np.abs(between).max() < 0.01, "what lies between two tones is silent"
    high = media.tone_intervals(samples, 1000)
    assert len(high) == 3, high
    assert 2.0 - FIRST_SAMPLE <= high[0].length <= 2.0 + TONE, high
    # LiveKit's own delay of muting and unmuting is in this one.
    assert abs(high[2].start - high[1].end - 1.0) < 0.3, high

    # One length everywhere.
    length = media.duration(path)
    assert abs(result.duration / 1e9 - length) <= SAME_LENGTH
    assert abs(float(media.probe(path)["format"]["duration"]) - length) <= SAME_LENGTH
    conversation = aircheck.wait_for_conversation(room, "complete")
    (recording,) = conversation["recordings"]
    (mix,) = [f for f in recording["files"] if f["kind"] == "mix"]
    assert abs(mix["duration"] - length) <= SAME_LENGTH
    assert (recording["egress_id"], recording["status"]) == (info.egress_id, "EGRESS_COMPLETE")
    assert mix["size"] == result.size and recording["gaps"] == []
    assert {p["identity"] for p in conversation["participants"]} == {"ann", "bob"}

    # The link plays, without any token.
    answer = requests.get(conversation["audio_recording_url"], timeout=30)
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()

    # The second guide's payload says the same.
    simple = receiver.wait_for("egress_ended", path="/simple").json["egressInfo"]
    assert (simple["room_name"], simple["egress_id"], simple["status"]) == (room, info.egress_id, "EGRESS_COMPLETE")
    assert abs(simple["file_results"][0]["duration"] - length) <= SAME_LENGTH
    assert simple["file_results"][0]["download_url"]


def test_one_recording_for_a_room_however_many_join(
        start_livekit, start_aircheck, receiver, bucket, callers, room):
    server, aircheck = start_scene(start_livekit, start_aircheck, receiver, bucket)
    people = [callers.join(server, room, f"caller-{i}").publish() for i in range(4)]
    for i, person in enumerate(people):
        person.tone(300 + 200 * i, 0.5)
    for person in people:
        person.leave()
    aircheck.wait_for_conversation(room, "complete")
    assert len(aircheck.conversations(room)) == 1
    assert len(bucket.keys()) == 1


def test_without_webhooks_rooms_are_found_by_asking(livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    aircheck = start_aircheck(server=livekit, config={
        "auto_record": [RULE], "webhooks": [{"url": receiver.url()}], "storage": {"s3": bucket.config()}})
    ann = callers.join(livekit, room, "ann").publish()
    aircheck.wait_for_conversation(room, "recording")
    ann.tone(440, 2.0)
    ann.leave()
    receiver.wait_for("egress_ended")
    (key,) = bucket.keys()
    (tone,) = scene.hears(bucket.download(key, tmp_path), 440)
    assert abs(tone.length - 2.0) <= TONE


def test_agents_alone_end_a_call_when_the_rule_says_so(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = start_scene(
        start_livekit, start_aircheck, receiver, bucket, end_when="last_human_left", end_grace="1s")
    human = callers.join(server, room, "ann").publish()
    agent = callers.join(server, room, "agent", kind="agent").publish()
    aircheck.wait_for_conversation(room, "recording")
    human.tone(440, 1.0)
    human.leave()
    agent.tone(1000, 4.0)  # still talking to nobody
    receiver.wait_for("egress_ended")
    (key,) = bucket.keys()
    path = bucket.download(key, tmp_path)
    assert len(scene.hears(path, 440)) == 1
    assert scene.hears(path, 1000)[-1].length < 3.0
    assert "agent" in server.participants(room), "the room itself goes on"


def test_two_channels_keep_agent_and_caller_apart(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = start_scene(
        start_livekit, start_aircheck, receiver, bucket, audio_mixing="dual_channel_agent")
    human = callers.join(server, room, "ann").publish()
    agent = callers.join(server, room, "agent", kind="agent").publish()
    aircheck.wait_for_conversation(room, "recording")
    saying = threading.Thread(target=human.tone, args=(440, 2.0))
    saying.start()
    agent.tone(1000, 2.0)
    saying.join()
    human.leave()
    agent.leave()
    receiver.wait_for("egress_ended")
    (key,) = bucket.keys()
    samples = media.decode(bucket.download(key, tmp_path))
    assert samples.shape[1] == 2
    left, right = samples[:, 0], samples[:, 1]
    # LiveKit: agents on the left, everybody else on the right.
    assert media.tone_intervals(left, 1000) and media.tone_intervals(right, 440)
    assert not media.tone_intervals(left, 440, amplitude=0.1)
    assert not media.tone_intervals(right, 1000, amplitude=0.1)


def test_a_receiver_that_fails_gets_it_again(start_livekit, start_aircheck, receiver, bucket, callers, room):
    server, aircheck = start_scene(start_livekit, start_aircheck, receiver, bucket)
    receiver.answers = [503, 503]
    ann = callers.join(server, room, "ann").publish()
    ann.tone(440, 1.0)
    ann.leave()
    ended = receiver.wait_for("egress_ended")
    assert ended.verified().egress_info.room_name == room
    started = receiver.events("egress_started")
    assert len(started) >= 1
    assert len({d.json["id"] for d in started}) == 1, "the same id on every try"


def test_a_forged_webhook_starts_nothing(start_livekit, start_aircheck, receiver, bucket, callers, room):
    server, aircheck = start_scene(start_livekit, start_aircheck, receiver, bucket)
    body = f'{{"event": "room_started", "room": {{"name": "{room}", "sid": "RM_forged"}}}}'
    for headers in ({}, {"Authorization": "Bearer x.y.z"}):
        answer = requests.post(f"{aircheck.url}/webhooks/livekit", data=body, headers=headers, timeout=10)
        assert answer.status_code == 401
    assert aircheck.conversations(room) == []
