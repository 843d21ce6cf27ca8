"""What a recording leans on goes away while it runs: nothing recorded may be lost."""

import time

import pytest
from livekit import api
from support import media, scene
from support.aircheck import run
from support.minio import Minio

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("back", ["during the call", "after the call"])
def test_a_store_that_goes_away_and_comes_back(
        running, livekit, start_aircheck, receiver, callers, room, tmp_path, back):
    store = running.add(Minio(tmp_path))
    bucket = store.make_bucket("calls")
    service = start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "storage": {"s3": bucket.config()}})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    store.process.kill()
    ann.tone(440, 5.0)
    if back == "during the call":
        store.start()
    scene.stop_egress(service, egress_id)
    if back == "after the call":
        time.sleep(3)
        store.start()
    info = receiver.wait_for("egress_ended", limit=180).verified().egress_info
    assert (info.status, info.error) == (api.EgressStatus.EGRESS_COMPLETE, "")
    (key,) = bucket.keys()
    (tone,) = scene.hears(bucket.download(key, tmp_path), 440)
    assert abs(tone.length - 5.0) <= 0.1


def test_killed_again_and_again_the_journal_keeps_each_call(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    for seconds in (2.0, 3.3, 4.7):
        name = f"{room}-{seconds}"
        ann = callers.join(livekit, name, "ann").publish()
        answer = service.request("POST", "/api/v1/recordings", json={"room_name": name, "audio_only": True})
        egress_id = answer.json()["egress_id"]
        scene.wait_until_active(service, egress_id)
        saying = ann.start_tone(440, 30.0)
        time.sleep(seconds)
        service.kill()
        saying.cancel()
        path = tmp_path / f"{egress_id}.mp4"
        done = run("render", service.spool(egress_id), "-o", path, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        heard = sum(t.length for t in media.tone_intervals(media.decode(path), 440))
        assert heard >= seconds - 1.3, f"{heard:.2f} s of {seconds} s"
        service.start()
