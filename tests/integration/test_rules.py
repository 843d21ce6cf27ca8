"""auto_record and LiveKit's webhooks: what starts a recording, what does not, and what ends it."""

import threading
import time

import pytest
import requests
from livekit import api
from support import media, scene
from support.livekit import KEY, SECRET, signed_webhook
from support.process import wait_until


def test_agents_alone_end_a_call_when_the_rule_says_so(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    # Left to itself livekit-server closes a room of agents only.
    server, aircheck = scene.start(
        start_livekit, start_aircheck, receiver, bucket, room={"departure_timeout": 120},
        end_when="last_human_left", end_grace="2s")
    human = callers.join(server, room, "ann").publish()
    agent = callers.join(server, room, "agent", kind="agent").publish()
    scene.wait_until_recorded(aircheck, room)
    saying = agent.start_tone(1000, 30.0)
    human.tone(440, 1.0)
    human.leave()
    time.sleep(0.8)
    human = callers.join(server, room, "ann").publish()  # back within the grace
    human.tone(440, 2.0)
    human.leave()
    ended = receiver.wait_for("egress_ended").verified().egress_info
    saying.cancel()
    assert (ended.status, ended.details) == (api.EgressStatus.EGRESS_COMPLETE, "End reason: Source closed")
    (key,) = bucket.keys()
    path = bucket.download(key, tmp_path)
    tones = scene.hears(path, 440)
    assert len(tones) == 2, tones
    assert abs(media.duration(path) - tones[1].end - 2.0) < 1.0, "it ends the grace after the last human"
    assert "agent" in server.participants(room), "the room itself goes on"


@pytest.mark.parametrize("webhooks", ["with webhooks", "without webhooks"])
def test_who_comes_back_after_the_call_ended_is_recorded_anew(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path, webhooks):
    changes = {"end_when": "last_human_left", "end_grace": "1s"}
    if webhooks == "with webhooks":
        server, aircheck = scene.start(
            start_livekit, start_aircheck, receiver, bucket, room={"departure_timeout": 120}, **changes)
    else:
        server = start_livekit(room={"departure_timeout": 120})
        aircheck = start_aircheck(server=server, config={
            "auto_record": [{**scene.RULE, **changes}], "webhooks": [{"url": receiver.url()}],
            "storage": {"s3": bucket.config()}})
    agent = callers.join(server, room, "agent", kind="agent").publish()
    saying = agent.start_tone(1000, 120.0)
    made = []

    def next_recording():
        known = [one["egress_id"] for talk in aircheck.conversations(room) for one in talk["recordings"]]
        return next((one for one in known if one not in made), None)

    for nth, frequency in enumerate((440, 700)):
        human = callers.join(server, room, f"caller-{nth}").publish()
        egress_id = wait_until(next_recording, "a recording of its own")
        made.append(egress_id)
        scene.wait_until_active(aircheck, egress_id)
        human.tone(frequency, 1.5)
        human.leave()
        aircheck.wait_for_recording(egress_id, "EGRESS_COMPLETE")
        wait_until(lambda: len(receiver.events("egress_ended", "/webhook")) > nth, "its end is told")
        ended = receiver.events("egress_ended", "/webhook")[nth].verified().egress_info
        assert (ended.egress_id, ended.details) == (egress_id, "End reason: Source closed")
        time.sleep(4.0)  # longer than rooms are asked for
        assert next_recording() is None, "the agent who stays is no call"
    # What somebody stopped stays so.
    callers.join(server, room, "caller-3").publish()
    made.append(wait_until(next_recording, "a third recording"))
    scene.wait_until_active(aircheck, made[-1])
    scene.stop_egress(aircheck, made[-1])
    aircheck.wait_for_recording(made[-1], "EGRESS_COMPLETE")
    callers.join(server, room, "caller-4").publish()
    time.sleep(4.0)
    assert next_recording() is None
    saying.cancel()

    (conversation,) = aircheck.conversations(room)
    assert [one["status"] for one in conversation["recordings"]] == ["EGRESS_COMPLETE"] * 3
    assert len(bucket.keys()) == 3
    for egress_id, there, not_there in ((made[0], 440, 700), (made[1], 700, 440)):
        (mix,) = aircheck.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
        path = bucket.download(mix["filename"], tmp_path)
        (tone,) = scene.hears(path, there, amplitude=0.5)
        assert abs(tone.length - 1.5) <= 0.15
        assert not scene.hears(path, not_there, amplitude=0.5)


def test_two_channels_keep_agent_and_caller_apart(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = scene.start(
        start_livekit, start_aircheck, receiver, bucket, audio_mixing="dual_channel_agent")
    human = callers.join(server, room, "ann").publish()
    phone = callers.join(server, room, "phone", kind="sip", attributes={"sip.phoneNumber": "+15550100"}).publish()
    agent = callers.join(server, room, "agent", kind="agent").publish()
    scene.wait_until_recorded(aircheck, room)
    saying = [human.start_tone(440, 2.0), phone.start_tone(2000, 2.0)]
    agent.tone(1000, 2.0)
    for one in saying:
        one.result(30)
    for one in (human, phone, agent):
        one.leave()
    receiver.wait_for("egress_ended")
    (key,) = bucket.keys()
    samples = media.decode(bucket.download(key, tmp_path))
    assert samples.shape[1] == 2
    left, right = samples[:, 0], samples[:, 1]
    # LiveKit: agents on the left, everybody else on the right.
    assert media.tone_intervals(left, 1000) and media.tone_intervals(right, 440) and media.tone_intervals(right, 2000)
    assert not media.tone_intervals(left, 440, amplitude=0.1)
    assert not media.tone_intervals(left, 2000, amplitude=0.1)
    assert not media.tone_intervals(right, 1000, amplitude=0.1)
    people = {p["identity"]: p for p in aircheck.wait_for_conversation(room, "complete")["participants"]}
    assert {name: p["kind"] for name, p in people.items()} == {"ann": "STANDARD", "phone": "SIP", "agent": "AGENT"}
    assert people["phone"]["attributes"]["sip.phoneNumber"] == "+15550100"


def test_kinds_that_are_skipped_start_nothing(start_livekit, start_aircheck, receiver, bucket, callers, room):
    server, aircheck = scene.start(
        start_livekit, start_aircheck, receiver, bucket, skip_kinds=["egress", "ingress", "agent"])
    callers.join(server, room, "agent", kind="agent").publish()
    wait_until(lambda: aircheck.conversations(room), "the room is known")
    time.sleep(4.0)  # longer than rooms are asked for
    (before,) = aircheck.conversations(room)
    assert before["recordings"] == [] and before["audio_recording_url"] is None
    callers.join(server, room, "ann").publish()
    scene.wait_until_recorded(aircheck, room)


@pytest.mark.parametrize("webhooks", ["with webhooks", "without webhooks"])
def test_a_room_that_is_made_is_recorded_once_somebody_speaks(
        start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path, webhooks):
    rule = {**scene.RULE, "on": "room_started", "filepath": "{room_name}.mp4"}
    if webhooks == "with webhooks":
        server, aircheck = scene.start(start_livekit, start_aircheck, receiver, bucket, **rule)
    else:
        server = start_livekit()
        aircheck = start_aircheck(server=server, config={
            "auto_record": [rule], "webhooks": [{"url": receiver.url()}], "storage": {"s3": bucket.config()}})
    server.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room)))
    def is_starting():
        found = aircheck.conversations(room)
        return found and found[0]["recordings"]
    wait_until(is_starting, "a recording before anybody is there")
    ann = callers.join(server, room, "ann").publish()
    scene.wait_until_recorded(aircheck, room)
    ann.tone(440, 1.5)
    ann.leave()
    receiver.wait_for("egress_ended")
    (tone,) = scene.hears(bucket.download(f"{room}.mp4", tmp_path), 440)
    assert abs(tone.length - 1.5) <= 0.1


def test_rooms_of_no_rule_are_left_alone(start_livekit, start_aircheck, receiver, bucket, callers, room):
    server, aircheck = scene.start(start_livekit, start_aircheck, receiver, bucket, rooms="support-*")
    callers.join(server, room, "ann").publish()
    callers.join(server, f"support-{room}", "bob").publish()
    scene.wait_until_recorded(aircheck, f"support-{room}")
    assert [c["recordings"] for c in aircheck.conversations(room)] in ([], [[]])


def test_events_that_come_twice_and_in_the_wrong_order(
        start_livekit, start_aircheck, receiver, bucket, callers, room):
    """livekit-server tells a third party, which passes on what it likes, when it likes."""
    server = start_livekit(webhook_urls=[receiver.url("/from-livekit")])
    aircheck = start_aircheck(server=server, config={
        "auto_record": [scene.RULE], "storage": {"s3": bucket.config()},
        "webhooks": [{"url": receiver.url(), "events": ["egress_ended"]}]})

    def pass_on(delivery):
        answer = requests.post(
            f"{aircheck.url}/webhooks/livekit", data=delivery.body, timeout=30,
            headers={"Authorization": delivery.headers["authorization"], "Content-Type": "application/webhook+json"})
        assert answer.status_code == 200, answer.text

    ann = callers.join(server, room, "ann").publish()
    bob = callers.join(server, room, "bob").publish()
    receiver.wait_for("participant_joined", path="/from-livekit", count=2)
    came = [d for d in receiver.deliveries if d.path == "/from-livekit"]
    threads = [threading.Thread(target=pass_on, args=(d,)) for d in [*reversed(came), *came, *came]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scene.wait_until_recorded(aircheck, room)
    ann.tone(440, 1.0)
    ann.leave()
    bob.leave()
    receiver.wait_for("room_finished", path="/from-livekit")
    receiver.wait_for("egress_ended")
    for delivery in [d for d in reversed(receiver.deliveries) if d.path == "/from-livekit"]:
        pass_on(delivery)  # the end first, and then everything once more
    time.sleep(1.0)
    (conversation,) = aircheck.conversations(room)
    assert (conversation["status"], len(conversation["recordings"])) == ("complete", 1)
    assert {p["identity"] for p in conversation["participants"]} == {"ann", "bob"}
    assert len(bucket.keys()) == 1
    assert not server.has_room(room), "nothing joined it again"


def test_a_forged_webhook_starts_nothing(livekit, start_aircheck, callers, room):
    aircheck = start_aircheck(server=livekit, config={"auto_record": [{**scene.RULE, "on": "room_started"}]})
    body = f'{{"event": "room_started", "id": "EV_1", "room": {{"name": "{room}", "sid": "RM_forged"}}}}'
    forged = {
        "no signature": {},
        "no token": {"Authorization": "Bearer x.y.z"},
        "another's secret": signed_webhook(body, KEY, "another-secret-0123456789-0123456789"),
        "another body": signed_webhook(body + " ", KEY, SECRET),
        "unknown key": signed_webhook(body, "nobody", SECRET),
        "out of date": signed_webhook(body, KEY, SECRET, age=3600),
        "an access token": {"Authorization": livekit.token("ann", room)},
    }
    for what, headers in forged.items():
        answer = requests.post(f"{aircheck.url}/webhooks/livekit", data=body, headers=headers, timeout=30)
        assert answer.status_code == 401, f"{what}: {answer.status_code} {answer.text}"
    assert aircheck.conversations(room) == []
    assert requests.post(
        f"{aircheck.url}/webhooks/livekit", data=body, headers=signed_webhook(body, KEY, SECRET), timeout=30).ok
    wait_until(lambda: aircheck.conversations(room), "the true one is taken")
