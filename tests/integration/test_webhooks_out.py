"""What receivers are told: in each format, after they were down, and after aircheck was."""

import base64
import datetime
import hashlib
import hmac
import json

import pytest
from livekit import api
from support import media, scene
from support.process import wait_until
from support.receiver import Receiver

SAME_LENGTH = 0.03


def record_a_tone(server, aircheck, callers, room):
    ann = callers.join(server, room, "ann").publish()
    egress_id = scene.start_recording(aircheck, room)
    ann.tone(440, 0.5)
    scene.stop_egress(aircheck, egress_id)
    return egress_id


def test_each_format_says_the_same(start_livekit, start_aircheck, receiver, bucket, callers, room, tmp_path):
    server, aircheck = scene.start(start_livekit, start_aircheck, receiver, bucket)
    ann = callers.join(server, room, "ann").publish()
    egress_id = scene.wait_until_recorded(aircheck, room)
    ann.tone(440, 1.0)
    ann.leave()
    told = receiver.wait_for("egress_ended").verified().egress_info
    simple = receiver.wait_for("egress_ended", path="/simple")
    flat = receiver.wait_for("egress_ended", path="/flat")
    (key,) = bucket.keys()
    length = media.duration(bucket.download(key, tmp_path))
    link = aircheck.wait_for_conversation(room, "complete")["audio_recording_url"]

    # The second guide's own way to read it, and its types.
    event = simple.json
    assert event["egressInfo"]["file_results"][0]["download_url"] == link
    assert (event["egressInfo"]["egress_id"], event["egressInfo"]["room_name"]) == (egress_id, room)
    assert event["egressInfo"]["room_id"].startswith("RM_") and event["egressInfo"]["status"] == "EGRESS_COMPLETE"
    (file,) = event["egressInfo"]["file_results"]
    assert (file["filename"], file["size"]) == (key, bucket.head(key)["ContentLength"])
    assert isinstance(file["duration"], float) and abs(file["duration"] - length) <= SAME_LENGTH
    started, ended = event["egressInfo"]["started_at"], event["egressInfo"]["ended_at"]
    assert (started, ended) == (told.started_at // 1_000_000, told.ended_at // 1_000_000), "milliseconds"

    assert flat.json["conversation_id"] == aircheck.conversations(room)[0]["conversation_id"]
    assert (flat.json["egress_id"], flat.json["room_name"], flat.json["audio_recording_url"]) == (egress_id, room, link)
    assert abs(flat.json["duration_s"] - length) <= SAME_LENGTH and flat.json["size_bytes"] == file["size"]
    times = [datetime.datetime.fromisoformat(flat.json[name].replace("Z", "+00:00"))
             for name in ("started_at", "ended_at")]
    assert all(t.tzinfo for t in times) and times[0] < times[1]

    for delivery in (simple, flat):
        assert delivery.headers["content-type"].startswith("application/json")
        assert delivery.headers["webhook-id"] and delivery.headers["webhook-timestamp"].isdigit()
        assert delivery.headers["webhook-signature"].startswith("v1,")


def test_the_simple_formats_are_signed_as_standard_webhooks(
        livekit, start_aircheck, receiver, callers, room):
    """By the letter of the Standard Webhooks specification: v1,base64(HMAC-SHA256(secret, id.timestamp.body))."""
    aircheck = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url(), "format": "flat"}]})
    callers.join(livekit, room, "ann").publish()
    scene.start_recording(aircheck, room)
    delivery = receiver.wait_for("egress_started")
    signed = f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body
    expected = "v1," + base64.b64encode(hmac.digest(scene.SECRET.encode(), signed, hashlib.sha256)).decode()
    assert delivery.headers["webhook-signature"] == expected


def test_a_receiver_that_fails_gets_it_again(livekit, start_aircheck, receiver, callers, room):
    receiver.answers = [503, 429]
    aircheck = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    egress_id = record_a_tone(livekit, aircheck, callers, room)
    ended = receiver.wait_for("egress_ended")
    assert ended.verified().egress_info.egress_id == egress_id
    events = [(d.event, d.json["id"]) for d in receiver.deliveries]
    assert events[0] == events[1] == events[2] and events[0][0] == "egress_started", "the same one until it is taken"
    assert events[-1][0] == "egress_ended" and len(set(events)) == len(events) - 2, "and all in order"
    signatures = {d.headers["authorization"] for d in receiver.deliveries[:3]}
    assert len(signatures) >= 2, "signed anew"


def test_a_receiver_that_was_down_is_told_later_even_after_a_restart(
        running, livekit, start_aircheck, receiver, callers, room):
    receiver.stop()
    aircheck = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    egress_id = record_a_tone(livekit, aircheck, callers, room)
    aircheck.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    aircheck.kill()
    again = running.add(Receiver(port=receiver.port))
    aircheck.start()
    ended = again.wait_for("egress_ended", limit=120)
    assert ended.verified().egress_info.egress_id == egress_id
    assert again.deliveries[0].event == "egress_started", "in order, from the first"


def test_a_dead_letter_is_kept_listed_and_sent_when_it_is_asked_for(
        livekit, start_aircheck, receiver, callers, room):
    receiver.answers = [410]
    aircheck = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    egress_id = record_a_tone(livekit, aircheck, callers, room)
    receiver.wait_for("egress_ended")
    wait_until(lambda: 'aircheck_deliveries{state="dead"} 1' in aircheck.metrics(), "a dead letter in the metrics")
    assert aircheck.process.log.read_text().count("webhook.dead") == 1

    listed = aircheck.command("deliveries", "list", "--egress", egress_id, "--json")
    assert listed.returncode == 0, listed.stderr
    deliveries = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [d["event"] for d in reversed(deliveries)] == [d.event for d in receiver.deliveries]
    (dead,) = [d for d in deliveries if d["state"] == "dead"]
    assert (dead["event"], dead["last_status"], dead["tries"]) == ("egress_started", 410, 1)
    assert dead["url"] == receiver.url() and dead["event_id"] == receiver.deliveries[0].json["id"]
    text = aircheck.command("deliveries", "list", "--state", "dead", "--receiver", receiver.url()).stdout
    assert text.startswith(dead["delivery_id"]) and text.count("\n") == 1
    assert aircheck.command("deliveries", "list", "--receiver", "https://nobody.example").stdout == ""

    assert aircheck.command("deliveries", "replay", "DL_none").returncode == 1
    assert aircheck.command("deliveries", "replay", "--dead", dead["delivery_id"]).returncode == 2
    replayed = aircheck.command("deliveries", "replay", "--dead", "--receiver", receiver.url())
    assert (replayed.returncode, replayed.stdout) == (0, "1 due again\n")
    again = receiver.wait_for("egress_started", count=2)[1]
    assert again.json == receiver.deliveries[0].json and again.verified(), "the same event, signed anew"
    wait_until(lambda: 'aircheck_deliveries{state="dead"}' not in aircheck.metrics(), "no dead letter any more")


def test_webhooks_that_nobody_signed_do_not_fill_the_log(livekit, start_aircheck):
    aircheck = start_aircheck(server=livekit)
    for _ in range(200):
        assert aircheck.request("POST", "/webhooks/livekit", data="{}").status_code == 401
    assert "aircheck_webhooks_refused_total 200" in aircheck.metrics()
    assert 1 <= aircheck.process.log.read_text().count("webhook.refused") <= 20, "one in ten seconds"


@pytest.mark.parametrize("events", [["egress_ended"], ["egress_started", "egress_ended"]])
def test_only_the_events_that_were_asked_for(livekit, start_aircheck, receiver, callers, room, events):
    aircheck = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url(), "events": events}]})
    record_a_tone(livekit, aircheck, callers, room)
    receiver.wait_for("egress_ended")
    assert [d.event for d in receiver.deliveries] == events


def test_webhooks_of_a_request_and_of_its_rule(livekit, start_aircheck, receiver, callers, room):
    aircheck = start_aircheck(server=livekit, config={
        "auto_record": [{**scene.RULE, "rooms": f"{room}-rule", "webhooks": [{"url": receiver.url("/rule")}]}],
        "network": {"allow": ["127.0.0.0/8"]}})
    ann = callers.join(livekit, f"{room}-rule", "ann").publish()
    by_rule = scene.wait_until_recorded(aircheck, f"{room}-rule")
    ann.leave()
    bob = callers.join(livekit, room, "bob").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath="x.mp4"))
    request.webhooks.append(api.WebhookConfig(url=receiver.url("/request"), signing_key=scene.KEY))
    started = scene.use_egress_api(aircheck, lambda egress: egress.start_room_composite_egress(request))
    scene.wait_until_active(aircheck, started.egress_id)
    bob.tone(440, 0.5)
    scene.stop_egress(aircheck, started.egress_id)
    assert receiver.wait_for("egress_ended", path="/rule").verified().egress_info.egress_id == by_rule
    assert receiver.wait_for("egress_ended", path="/request").verified().egress_info.egress_id == started.egress_id
    assert {d.verified().egress_info.egress_id for d in receiver.deliveries if d.path == "/rule"} == {by_rule}


def test_a_request_may_not_send_us_to_our_own_network(livekit, start_aircheck, receiver, callers, room):
    aircheck = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath="x.mp4"))
    request.webhooks.append(api.WebhookConfig(url=receiver.url("/inside"), signing_key=scene.KEY))
    try:
        started = scene.use_egress_api(aircheck, lambda egress: egress.start_room_composite_egress(request))
    except api.TwirpError as refusal:
        assert refusal.code == "invalid_argument"
        return
    scene.wait_until_active(aircheck, started.egress_id)
    ann.tone(440, 0.5)
    scene.stop_egress(aircheck, started.egress_id)
    aircheck.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    wait_until(lambda: "webhook." in aircheck.process.log.read_text(), "it says so")
    assert receiver.deliveries == []
