"""The harness against the real peers, without aircheck: what a test relies on is there and true."""

import json
import time

import numpy as np
import pytest
import requests
from livekit import api
from support import media, scene
from support.callers import Heard
from support.livekit import VARIANTS
from support.minio import Minio
from support.process import wait_until


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_caller_is_heard_in_every_set_up(start_livekit, callers, room, variant):
    server = start_livekit(variant=variant)
    ann = callers.join(server, room, "ann").publish()
    bob = callers.join(server, room, "bob")
    wait_until(lambda: "ann" in bob.heard, "bob hears ann")
    start = time.monotonic()
    ann.tone(440, 1.0)
    time.sleep(1.0)
    found = media.tone_intervals(bob.heard["ann"].samples(start, time.monotonic()), 440)
    # The listener's own jitter buffer stretches and squeezes; a recording is held to less.
    assert found and abs(sum(tone.length for tone in found) - 1.0) < 0.25, found


def test_kinds_and_attributes_reach_the_server(livekit, callers, room):
    callers.join(livekit, room, "agent-1", kind="agent")
    callers.join(livekit, room, "phone", kind="sip", attributes={"sip.phoneNumber": "+15550100"})
    participants = livekit.participants(room)
    assert api.ParticipantInfo.Kind.Name(participants["agent-1"].kind) == "AGENT"
    assert participants["phone"].attributes["sip.phoneNumber"] == "+15550100"


def test_livekits_webhooks_reach_the_receiver_signed(start_livekit, receiver, callers, room):
    server = start_livekit(webhook_urls=[receiver.url()])
    ann = callers.join(server, room, "ann")
    event = receiver.wait_for("participant_joined").verified()
    assert (event.room.name, event.participant.identity) == (room, "ann")
    delivery = receiver.wait_for("participant_joined")
    seen = json.loads(scene.node("verify.mjs", delivery.headers["authorization"], stdin=delivery.body.decode()))
    assert seen["event"] == "participant_joined"
    ann.leave()
    assert receiver.wait_for("room_finished").verified().room.name == room


def test_a_changed_webhook_is_not_verified(start_livekit, receiver, callers, room):
    server = start_livekit(webhook_urls=[receiver.url()])
    callers.join(server, room, "ann")
    delivery = receiver.wait_for("participant_joined")
    delivery.body = delivery.body.replace(b"ann", b"eve")
    with pytest.raises(Exception, match="hash"):
        delivery.verified()


def test_muting_leaves_a_hole_as_long(livekit, callers, room):
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob")
    wait_until(lambda: "ann" in bob.heard, "bob hears ann")
    start = time.monotonic()
    saying = ann.start_tone(440, 3.0)
    time.sleep(1.0)
    ann.mute()
    time.sleep(1.0)
    ann.unmute()
    saying.result(30)
    time.sleep(1.0)
    # A busy machine leaves small holes of its own.
    heard = bob.heard["ann"].samples(start, time.monotonic())
    found = media.tone_intervals(heard, 440, amplitude=0.5, bridge=0.3)
    assert len(found) == 2, found
    assert abs(found[1].start - found[0].end - 1.0) < 0.3, found


def test_a_bucket_keeps_what_is_put(bucket, tmp_path):
    bucket.minio.client.put_object(Bucket=bucket.name, Key="recordings/a.bin", Body=b"abc")
    assert bucket.keys() == ["recordings/a.bin"]
    assert bucket.download("recordings/a.bin", tmp_path).read_bytes() == b"abc"


def test_a_store_comes_back_with_what_it_held(running, tmp_path):
    store = running.add(Minio(tmp_path))
    bucket = store.make_bucket("kept")
    store.client.put_object(Bucket="kept", Key="a", Body=b"1")
    store.process.kill()
    store.start()
    assert bucket.keys() == ["a"]


def test_the_receiver_answers_as_told(receiver):
    receiver.answers = [503]
    assert requests.post(receiver.url("/x"), data=b"{}").status_code == 503
    assert requests.post(receiver.url("/x"), data=b'{"event": "e"}').status_code == 200
    assert [d.event for d in receiver.deliveries] == [None, "e"]


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_what_is_heard_lies_where_it_was_played(late):
    heard = Heard()
    # 100 ms of sound of which some frames reach us late, a pause of 0.9 s, and one more frame.
    lateness = [late if 3 <= i < 6 else 0 for i in range(10)]
    heard._frames = [(10.0 + i * 0.01 + lateness[i], np.ones(480, dtype=np.float32)) for i in range(10)]
    heard._frames += [(11.0, np.ones(480, dtype=np.float32))]
    samples = heard.samples(9.5, 11.5)
    assert np.flatnonzero(samples)[0] == 24000
    assert samples[24000:28800].all() and not samples[28800:72000].any() and samples[72000:72480].all()
