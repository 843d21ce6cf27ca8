"""Calls of LiveKit's Egress API besides starting and stopping, and how long their callers wait."""

import contextlib
import json
import os
import signal
import time
import uuid

import pytest
import requests
from livekit import api
from support import scene
from support.aircheck import TOKEN
from support.process import wait_until


@pytest.fixture
def service(livekit, start_aircheck):
    return start_aircheck(server=livekit)


def call(service, method, body, **headers):
    return requests.post(
        f"{service.url}/twirp/livekit.Egress/{method}", json=body, timeout=60,
        headers={"Authorization": f"Bearer {TOKEN}", **{k.replace("_", "-"): v for k, v in headers.items()}})


def start(service, room, **headers):
    body = {"room_name": room, "audio_only": True, "file_outputs": [{"filepath": "x.mp4"}]}
    return call(service, "StartRoomCompositeEgress", body, **headers)


def listed(service):
    return [item["egress_id"] for item in call(service, "ListEgress", {}).json()["items"]]


@contextlib.contextmanager
def stopped(process):
    """It takes connections and answers nothing meanwhile, as a machine that swaps."""
    os.kill(process.popen.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.popen.pid, signal.SIGCONT)


def test_nothing_begins_after_the_callers_time(service, livekit, callers, room):
    callers.join(livekit, room, "ann")
    request_id = str(uuid.uuid4())
    with stopped(livekit.process):
        began = time.monotonic()
        answer = start(service, room, X_Twirp_Timeout_Ms="700")
        assert (answer.status_code, answer.json()["code"]) == (408, "deadline_exceeded")
        assert time.monotonic() - began >= 0.7, "at its time; giving up livekit-server has other words"
        again = start(service, room, X_Twirp_Timeout_Ms="700", X_Livekit_Request_Id=request_id)
        assert again.json()["code"] == "deadline_exceeded"
    # A call that is made now has gone past those before it; what they would have begun was on record.
    started = start(service, room, X_Twirp_Timeout_Ms="60000", X_Livekit_Request_Id=request_id)
    assert started.status_code == 200, started.text
    assert listed(service) == [started.json()["egress_id"]]
    assert start(service, room, X_Livekit_Request_Id=request_id).json()["egress_id"] == started.json()["egress_id"]


@pytest.mark.parametrize("value", ["soon", "10s", "1.5", "99999999999999999999"])
def test_a_time_that_is_no_number(service, value):
    answer = call(service, "ListEgress", {}, X_Twirp_Timeout_Ms=value)
    assert (answer.status_code, answer.json()) == (400, {
        "code": "invalid_argument", "msg": f"X-Twirp-Timeout-Ms: '{value}' is no number of milliseconds"})


def test_streams_of_what_streams_nowhere(service, livekit, callers, room):
    callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    body = {"egress_id": egress_id, "add_output_urls": ["rtmp://127.0.0.1:1/live/key"]}
    answer = call(service, "UpdateStream", body)
    assert (answer.status_code, answer.json()) == (400, {
        "code": "invalid_argument", "msg": "UpdateStream called on non-streaming egress"})
    body["egress_id"] = "EG_nobody"
    assert call(service, "UpdateStream", body).json() == {"code": "not_found", "msg": "egress does not exist"}


def test_a_layout_has_no_meaning_but_is_told_to_the_recorder(service, livekit, callers, room):
    """As livekit-server does it: the layout is metadata of the recorder in the room."""
    callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)

    def update(egress_id):
        return scene.use_egress_api(service, lambda e: e.update_layout(
            api.UpdateLayoutRequest(egress_id=egress_id, layout="single-speaker")))
    info = update(egress_id)
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_ACTIVE)
    wait_until(lambda: livekit.participants(room)[egress_id].metadata, "the recorder has metadata")
    assert json.loads(livekit.participants(room)[egress_id].metadata) == {"layout": "single-speaker"}
    service.process.wait_until(
        lambda: "layout (there is no picture)" in service.process.log.read_text(), "says that it has no meaning")

    with pytest.raises(api.TwirpError) as unknown:
        update("EG_nothere")
    assert (unknown.value.code, unknown.value.message) == ("not_found", "egress does not exist")
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    wait_until(lambda: egress_id not in livekit.participants(room), "the recorder has left")
    with pytest.raises(api.TwirpError) as over:
        update(egress_id)
    assert (over.value.code, over.value.message) == ("not_found", "participant does not exist")


def test_web_pages_are_refused_by_name(service):
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(service, lambda e: e.start_web_egress(api.WebEgressRequest(
            url="https://example.com", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    assert refusal.value.code == "invalid_argument"
    assert refusal.value.message == "StartWebEgress (a web page) is not supported by this recorder yet"


def test_a_camera_is_said_to_be_left_out(service, livekit, callers, room):
    """Once, however often it is switched on; and not where somebody else has one."""
    ann = callers.join(livekit, room, "ann").publish().show()
    callers.join(livekit, room, "bob").show()
    started = scene.use_egress_api(service, lambda e: e.start_participant_egress(api.ParticipantEgressRequest(
        room_name=room, identity="ann", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    scene.wait_until_active(service, started.egress_id)
    ann.show()
    ann.tone(440, 1.0)
    scene.stop_egress(service, started.egress_id)
    recording = service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    (finding,) = recording["check"]["findings"]
    assert finding.startswith("track TR_") and "of 'ann' is video" in finding and finding.endswith("was left out")
    assert service.process.log.read_text().count("track.picture_left_out") == 1
    assert abs(scene.heard(recording["files"][0]["location"], 440) - 1.0) <= 0.3
