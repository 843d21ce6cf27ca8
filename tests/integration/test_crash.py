"""SIGKILL in mid-call: what was recorded is there."""

import time

from support import media, scene
from support.aircheck import run

# The mix runs a second behind and a fragment is a second long; the journal is flushed every second.
FILE_BEHIND = 2.5
JOURNAL_BEHIND = 1.3


def test_what_was_recorded_before_a_kill_plays(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    answer = service.request("POST", "/api/v1/recordings", json={"room_name": room, "audio_only": True})
    egress_id = answer.json()["egress_id"]
    scene.wait_until_active(service, egress_id)
    begin = time.monotonic()
    saying = ann.start_tone(440, 60.0)
    time.sleep(8.0)
    service.kill()
    spoken = time.monotonic() - begin
    saying.cancel()

    spool = service.spool(egress_id)
    plays = max((media.decode_what_plays(path) for path in spool.iterdir() if path.is_file()), key=len)
    heard = sum(t.length for t in media.tone_intervals(plays, 440))
    assert heard >= spoken - FILE_BEHIND, f"{heard:.2f} s of {spoken:.2f} s play"

    rendered = tmp_path / "rendered.mp4"
    done = run("render", spool, "-o", rendered, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    again = sum(t.length for t in scene.hears(rendered, 440))
    assert spoken + 0.3 >= again >= spoken - JOURNAL_BEHIND, f"{again:.2f} s of {spoken:.2f} s are in the journal"
    assert again >= heard - 0.05


def test_rendering_again_gives_the_same_samples(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    bob = callers.join(livekit, room, "bob").publish()
    answer = service.request("POST", "/api/v1/recordings", json={"room_name": room, "audio_only": True})
    egress_id = answer.json()["egress_id"]
    scene.wait_until_active(service, egress_id)
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
