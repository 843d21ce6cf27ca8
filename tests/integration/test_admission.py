"""How many recordings one machine takes, and how it stops: no call is cut, none is left waiting for an answer."""

import re
import signal
import time

import pytest
import requests
from livekit import api
from support import media, scene
from support.process import wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

ECHO = 0.5  # The same signal again within 300 ms counts as one.


def ask(service, room):
    return service.request("POST", "/api/v1/recordings", json={"room_name": room, "audio_only": True})


def gauge(service, name):
    return float(re.search(rf"^{name}(?:\{{.*\}})? (\S+)$", service.metrics(), re.MULTILINE)[1])


def signal_to(service, number):
    service.process.popen.send_signal(number)


def is_draining(service):
    return requests.get(f"{service.url}/readyz", timeout=30).status_code == 503


def test_the_excess_is_refused_with_the_reason(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={"max_recordings": 2})
    assert gauge(service, "aircheck_load") < 0.5  # by a look at the process just started
    assert gauge(service, "aircheck_recordings_slots_free") == 2
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 120.0)
    kept = [scene.start_recording(service, room) for _ in range(2)]
    assert gauge(service, "aircheck_load") == 1
    assert gauge(service, "aircheck_recordings_slots_free") == 0
    assert gauge(service, "livekit_egress_available") == 0

    refused = ask(service, room)
    assert refused.status_code == 429
    assert refused.json()["detail"] == "this recorder is full: max_recordings is 2"
    with pytest.raises(api.TwirpError) as over_twirp:
        scene.use_egress_api(service, lambda egress: egress.start_room_composite_egress(
            api.RoomCompositeEgressRequest(room_name=room, audio_only=True, file_outputs=[
                api.EncodedFileOutput(filepath="more.ogg")])))
    assert over_twirp.value.code == "resource_exhausted"
    assert "max_recordings is 2" in over_twirp.value.message
    assert gauge(service, "aircheck_recordings_refused_total") == 2

    # Nothing is lost: those that ran go on, a place is free as soon as one ends, and what was refused left no trace.
    scene.stop_egress(service, kept[0])
    wait_until(lambda: gauge(service, "aircheck_load") < 1, "a place is free")
    kept.append(scene.start_recording(service, room))
    scene.wait_for_packets(service, 100)  # Two recordings run.
    for egress_id in kept[1:]:
        scene.stop_egress(service, egress_id)
    for egress_id in kept:
        found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
        assert scene.hears(found["files"][0]["location"], 440)
    saying.cancel()
    listed = scene.use_egress_api(service, lambda e: e.list_egress(api.ListEgressRequest(room_name=room)))
    assert {info.egress_id for info in listed.items} == set(kept)


def test_a_machine_too_small_says_so(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={"cpu_cost": {"max_cpu_utilization": 0.001}})
    callers.join(livekit, room, "ann")
    refused = ask(service, room)
    assert refused.status_code == 429
    assert re.fullmatch(r"this machine is full: 0 recordings use \S+ of \S+ cores \(limit 0\.1 %\)", refused.json()["detail"])


def test_a_rule_waits_for_a_place(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={
        "max_recordings": 1, "auto_record": [{"rooms": "rule-*"}]})
    first = callers.join(livekit, room, "ann").publish()
    first_saying = first.start_tone(440, 120.0)
    held = scene.start_recording(service, room)
    second = callers.join(livekit, f"rule-{room}", "ben").publish()
    second_saying = second.start_tone(880, 120.0)
    wait_until(lambda: gauge(service, "aircheck_recordings_refused_total") >= 1, "the rule was refused")
    scene.stop_egress(service, held)
    egress_id = scene.wait_until_recorded(service, f"rule-{room}")
    scene.wait_for_packets(service)
    scene.stop_egress(service, egress_id)
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert scene.hears(found["files"][0]["location"], 880)
    first_saying.cancel()
    second_saying.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_drain_waits_for_the_calls(number, livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, end_when="last_human_left", end_grace="1s")
    signal_to(service, number)
    wait_until(lambda: is_draining(service), "not ready any more")
    refused = ask(service, room)
    assert (refused.status_code, refused.json()["detail"]) == (503, "this recorder is shutting down")
    assert gauge(service, "livekit_egress_is_terminating") == 1

    ann.tone(440, 2.0)
    assert service.get(f"/api/v1/recordings/{egress_id}")["status"] == "EGRESS_ACTIVE"
    ann.leave()
    assert service.process.wait() == 0
    service.start()
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    (tone,) = scene.hears(found["files"][0]["location"], 440)
    assert abs(tone.length - 2.0) <= 0.1


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT), (signal.SIGINT,)])
def test_a_hurry_finishes_the_files(numbers, livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 1.0)
    for number in numbers[:-1]:
        signal_to(service, number)
        wait_until(lambda: is_draining(service), "not ready any more")
        time.sleep(ECHO)
    signal_to(service, numbers[-1])
    assert service.process.wait() == 0
    service.start()
    found = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = found["files"][0]["location"]
    assert scene.hears(path, 440)
    assert media.duration(path) >= 1.0


def test_a_third_signal_does_not_wait(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit, config={"storage": {
        "s3": {"access_key": "k", "secret": "s", "bucket": "bucket", "endpoint": "http://127.0.0.1:9", "region": "x"}}})
    callers.join(livekit, room, "ann").publish().tone(440, 1.0)
    egress_id = scene.start_recording(service, room)
    signal_to(service, signal.SIGTERM)
    wait_until(lambda: is_draining(service), "not ready any more")
    signal_to(service, signal.SIGINT)  # The upload finds no store, and would be tried for an hour.
    service.process.wait_until(
        lambda: service.get(f"/api/v1/recordings/{egress_id}")["status"] == "EGRESS_ENDING", "is ending")
    signal_to(service, signal.SIGTERM)
    assert service.process.wait() == 130
    assert (service.spool(egress_id)).is_dir()
