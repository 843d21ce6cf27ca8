"""SIGKILL in mid-call: what was recorded is there."""

import time

from livekit import api
from support import media, scene
from support.aircheck import run

# The mix runs a second behind in steps of half a second, and a fragment is a second long; the journal is
# flushed every second. To both comes what a caller's first packet takes on a busy machine.
FILE_BEHIND = 3.1
JOURNAL_BEHIND = 1.8


def test_what_was_recorded_before_a_kill_plays(livekit, start_aircheck, receiver, callers, room, tmp_path):
    service = start_aircheck(server=livekit, config={"webhooks": [{"url": receiver.url()}]})
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    begin = time.monotonic()
    saying = ann.start_tone(440, 60.0)
    time.sleep(8.0)
    service.kill()
    spoken = time.monotonic() - begin
    saying.cancel()

    spool = service.spool(egress_id)
    plays = media.decode_what_plays(spool / "output.part")
    heard = sum(t.length for t in media.tone_intervals(plays, 440))
    assert heard >= spoken - FILE_BEHIND, f"{heard:.2f} s of {spoken:.2f} s play"

    rendered = tmp_path / "rendered.mp4"
    done = run("render", spool, "-o", rendered, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    again = sum(t.length for t in scene.hears(rendered, 440))
    assert spoken + 0.3 >= again >= spoken - JOURNAL_BEHIND, f"{again:.2f} s of {spoken:.2f} s are in the journal"
    assert again >= heard - 0.05

    # The next start says what became of it, to everybody.
    service.start()
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.status) == (egress_id, api.EgressStatus.EGRESS_FAILED)
    assert "spool" in info.error and egress_id in info.error and "aircheck render" in info.error, info.error
    assert service.get(f"/api/v1/recordings/{egress_id}")["error"] == info.error
    (conversation,) = service.conversations(room)
    assert (conversation["status"], conversation["audio_recording_url"]) == ("failed", None)
    assert (spool / "output.part").exists(), "and it is still there"


def test_rendering_again_gives_the_same_samples(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    egress_id = scene.start_recording(service, room)
    saying = ann.start_tone(440, 3.0)
    bob.tone(1000, 2.0)
    saying.result(30)
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
    rendered = tmp_path / "again.mp4"
    done = run("render", service.spool(egress_id), "-o", rendered, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    live, again = media.decode(mix["location"]), media.decode(rendered)
    assert live.shape == again.shape
    assert (live == again).all()
