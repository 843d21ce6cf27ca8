"""`aircheck record` when something is wrong: what it says, how it ends, and what is kept."""

import os
import time

import pytest
from livekit import api
from support import media, scene
from support.aircheck import run
from support.livekit import LiveKitServer


def must_fail(done, *words, status=1):
    """Ends with that status and says all of `words`, in whatever case."""
    said = done.stderr + done.stdout
    assert done.returncode == status, f"{done.returncode}: {said}"
    missing = [word for word in words if word.lower() not in said.lower()]
    assert not missing, f"says nothing of {missing}: {said}"


def test_a_recording_ends_with_its_room(livekit, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 4.0)
    saying.add_done_callback(lambda _: livekit.close_room(room))
    path = tmp_path / "call.mp4"
    done = run("record", room, "-o", path, folder=tmp_path, server=livekit)
    assert done.returncode == 0, done.stderr
    assert scene.hears(path, 440)[0].length > 3.0


def test_a_wrong_secret(livekit, callers, room, tmp_path):
    callers.join(livekit, room, "ann")
    must_fail(
        run("record", room, folder=tmp_path, server=livekit, env={"LIVEKIT_API_SECRET": "wrong-0123456789-0123456789-0123"}),
        "LIVEKIT_API_SECRET")


def test_no_such_room(livekit, tmp_path):
    must_fail(run("record", "nobody-here", "--wait", "1s", folder=tmp_path, server=livekit), "nobody-here")
    assert not livekit.has_room("nobody-here"), "asking must not make the room"


def test_no_server(livekit, room, tmp_path):
    livekit.stop()
    must_fail(run("record", room, "--wait", "1s", folder=tmp_path, server=livekit), str(livekit.port))


def test_no_route_to_media(running, room, tmp_path):
    # An address of RFC 5737, which no packet reaches, and no TCP port.
    server = running.add(LiveKitServer(tmp_path, rtc={"node_ip": "192.0.2.77", "tcp_port": None}))
    begin = time.monotonic()
    server.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room)))
    must_fail(run("record", room, "--wait", "5s", folder=tmp_path, server=server), "ICE", "192.0.2.77")
    assert time.monotonic() - begin < 60


def test_a_bucket_that_is_not_there(livekit, minio, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 3.0)
    done = run(
        "record", room, "-o", "recordings/x.mp4", folder=tmp_path, server=livekit,
        interrupt_when=lambda _: saying.done(),
        env={"AWS_BUCKET": "no-such-bucket", "AWS_ACCESS_KEY": scene.ACCESS_KEY, "AWS_SECRET_KEY": scene.SECRET_KEY,
             "AWS_ENDPOINT_URL": minio.endpoint, "AWS_REGION": "us-east-1"})
    must_fail(done, "no-such-bucket")
    kept = max((len(media.decode_what_plays(p)) for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size > 5000),
               default=0)
    assert kept > 1.5 * media.RATE, "what was recorded is still there"


def test_a_full_disk(livekit, callers, room, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    # A namespace of its own: root, or a system that lets users have one.
    mount = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
             f'mount -t tmpfs -o size=192k tmpfs {disk} && "$@"; s=$?; cp -r {disk} {tmp_path}/kept; exit $s', "sh"]
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    done = run("record", room, "-o", disk / "call.mp4", folder=tmp_path, server=livekit, prefix=mount,
               env={"AIRCHECK_DATA_DIR": str(disk / "data")})
    saying.cancel()
    must_fail(done, "space")
    kept = max((len(media.decode_what_plays(p)) for p in (tmp_path / "kept").rglob("*") if p.is_file()), default=0)
    assert kept > media.RATE, "what fitted plays"


@pytest.mark.parametrize("env, words", [
    ({"AIRCHECK_DATA_DIRR": "x"}, ["AIRCHECK_DATA_DIRR", "data_dir"]),
    ({"LIVEKIT_URL": "gopher://x"}, ["LIVEKIT_URL", "ws_url"]),
    ({"LIVEKIT_API_SECRET": ""}, ["api_secret"]),
])
def test_bad_settings_are_named_before_anything_is_asked(livekit, room, tmp_path, env, words):
    must_fail(run("record", room, folder=tmp_path, server=livekit, env=env), *words, status=2)


def test_an_unknown_flag(tmp_path):
    must_fail(run("record", "--nonsense", folder=tmp_path), "--nonsense", status=2)
