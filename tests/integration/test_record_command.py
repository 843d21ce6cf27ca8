"""`aircheck record` when something is wrong: what it says, how it ends, and what is kept."""

import os
import pathlib
import re
import signal
import threading
import time

import pytest
from livekit import api
from support import media, scene
from support.aircheck import run
from support.hanging_store import HangingStore
from support.livekit import LiveKitServer
from support.process import preloaded


def must_fail(done, *words, status=1):
    """Ends with that status and says all of `words`, in whatever case."""
    said = done.stderr + done.stdout
    assert done.returncode == status, f"{done.returncode}: {said}"
    missing = [word for word in words if word.lower() not in said.lower()]
    assert not missing, f"says nothing of {missing}: {said}"


def test_a_recording_ends_with_its_room(livekit, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 4.0)
    path = tmp_path / "call.mp4"

    def close_when_all_is_said():
        saying.result(30)
        livekit.close_room(room)
    closing = threading.Thread(target=close_when_all_is_said)
    closing.start()
    done = run("record", room, "-o", path, folder=tmp_path, server=livekit)
    closing.join()
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout
    assert scene.hears(path, 440)[0].length > 3.0


def test_ctrl_c_finishes_the_file(livekit, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 4.0)
    path = tmp_path / "call.ogg"
    done = run("record", room, "-o", path, folder=tmp_path, server=livekit, interrupt_when=lambda _: saying.done())
    assert (done.returncode, done.stderr) == (0, "")
    assert media.audio_stream(path)["codec_name"] == "opus"
    assert scene.hears(path, 440)[0].length > 3.0
    assert livekit.has_room(room), "the call goes on"


def test_ctrl_c_twice_leaves_at_once(running, livekit, callers, room, tmp_path):
    store = running.add(HangingStore())
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    spool = tmp_path / "data/spool"
    pressed = []

    def press(process):
        if not pressed and any(p.stat().st_size > 20_000 for p in spool.rglob("output.part")):
            process.send_signal(signal.SIGINT)
            pressed.append(time.monotonic())
        return pressed and time.monotonic() - pressed[0] > 1.0
    done = run(
        "record", room, "-o", "s3://calls/x.mp4", folder=tmp_path, server=livekit, interrupt_when=press,
        env={"AWS_BUCKET": "calls", "AWS_ACCESS_KEY": "k", "AWS_SECRET_KEY": "s", "AWS_REGION": "us-east-1",
             "AWS_ENDPOINT_URL": store.url, "AIRCHECK_DATA_DIR": str(tmp_path / "data")})
    saying.cancel()
    must_fail(done, "spool", status=130)
    (folder,) = spool.iterdir()
    assert folder.name in done.stderr, "it says where what was received is"
    rendered = tmp_path / "rendered.mp4"
    assert run("render", folder, "-o", rendered, folder=tmp_path).returncode == 0
    assert scene.hears(rendered, 440)[0].length > 1.0


def test_keys_that_may_only_write(livekit, callers, room, bucket, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 3.0)
    keys = bucket.write_only_config()
    done = run("record", room, "-o", f"s3://{bucket.name}/x.mp4", folder=tmp_path, server=livekit,
               interrupt_when=lambda _: saying.done(),
               env={"AWS_BUCKET": bucket.name, "AWS_ACCESS_KEY_ID": keys["access_key"],
                    "AWS_SECRET_ACCESS_KEY": keys["secret"], "AWS_SESSION_TOKEN": keys["session_token"],
                    "AWS_REGION": keys["region"], "AWS_ENDPOINT_URL": keys["endpoint"]})
    assert (done.returncode, done.stderr) == (0, "")
    assert bucket.keys() == ["x.mp4"]


def test_a_wrong_secret(livekit, callers, room, tmp_path):
    callers.join(livekit, room, "ann")
    done = run("record", room, folder=tmp_path, server=livekit,
               env={"LIVEKIT_API_SECRET": "wrong-0123456789-0123456789-0123"})
    must_fail(done, "LIVEKIT_API_SECRET", str(livekit.port))
    assert "eyJ" not in done.stderr, "no token is shown"


def test_a_key_that_the_server_does_not_know(livekit, callers, room, tmp_path):
    callers.join(livekit, room, "ann")
    must_fail(
        run("record", room, folder=tmp_path, server=livekit, env={"LIVEKIT_API_KEY": "nobody"}),
        "LIVEKIT_API_KEY", "nobody")


def test_nobody_who_speaks(livekit, callers, room, tmp_path):
    callers.join(livekit, room, "ann")
    must_fail(run("record", room, "--wait", "5s", folder=tmp_path, server=livekit), "no media", "audio")


def test_no_such_room(livekit, tmp_path):
    must_fail(run("record", "nobody-here", "--wait", "1s", folder=tmp_path, server=livekit), "nobody-here")
    assert not livekit.has_room("nobody-here"), "asking must not make the room"


def test_no_server(livekit, room, tmp_path):
    livekit.stop()
    must_fail(run("record", room, "--wait", "1s", folder=tmp_path, server=livekit), str(livekit.port))


def test_no_route_to_media(running, callers, room, tmp_path):
    # A firewall that lets no UDP through, and no TCP port for media; an address of RFC 5737.
    server = running.add(LiveKitServer(tmp_path, rtc={"node_ip": "192.0.2.77", "tcp_port": 0}))
    server.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room)))
    begin = time.monotonic()
    done = run("record", room, "--wait", "5s", folder=tmp_path, server=server,
               env=preloaded("no_udp", tmp_path))
    must_fail(done, "ICE", "192.0.2.77", "UDP")
    assert time.monotonic() - begin < 60


def test_a_bucket_that_is_not_there(livekit, minio, callers, room, tmp_path):
    """Known before anything is recorded: nobody has to lose a call to learn it."""
    callers.join(livekit, room, "ann").publish()
    done = run(
        "record", room, "-o", "s3://no-such-bucket/recordings/x.mp4", folder=tmp_path, server=livekit,
        env=s3_variables(minio, "no-such-bucket"))
    must_fail(done, "no-such-bucket", "bucket")
    assert "EG_" not in done.stderr + done.stdout, "nothing was begun"


def test_a_bucket_that_goes_away_meanwhile_costs_nothing(livekit, minio, bucket, callers, room, tmp_path):
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 3.0)
    spool = tmp_path / "data/spool"

    def remove_the_bucket_and_wait(_):
        if any(p.stat().st_size > 5000 for p in spool.rglob("output.part")) and bucket.name in bucket.minio.names():
            bucket.minio.client.delete_bucket(Bucket=bucket.name)
        return saying.done()
    done = run(
        "record", room, "-o", f"s3://{bucket.name}/recordings/x.mp4", folder=tmp_path, server=livekit,
        interrupt_when=remove_the_bucket_and_wait,
        env={**s3_variables(minio, bucket.name), "AIRCHECK_DATA_DIR": str(tmp_path / "data")})
    must_fail(done, bucket.name, "is kept in")
    kept = pathlib.Path(re.search(r"is kept in ([^\s\"]+)", done.stderr)[1])
    assert scene.hears(kept, 440)[0].length > 1.5, "what was recorded is there, finished"


def s3_variables(minio, bucket):
    return {"AWS_BUCKET": bucket, "AWS_ACCESS_KEY": scene.ACCESS_KEY, "AWS_SECRET_KEY": scene.SECRET_KEY,
            "AWS_ENDPOINT_URL": minio.endpoint, "AWS_REGION": "us-east-1"}


def on_a_disk_of(size, disk, kept, *, filled_in_mid_call):
    """A prefix that runs a command with a tmpfs of that size at `disk`, and copies what is left to `kept`.

    In a namespace of its own: root, or a system that lets users have one.
    """
    fill = (f'( until [ "$(cat {disk}/data/spool/*/output.part 2>/dev/null | wc -c)" -gt 20000 ]; do sleep 0.2; done;'
            f' cat /dev/zero > {disk}/ballast 2>/dev/null ) &') if filled_in_mid_call else ""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
            f'mount -t tmpfs -o size={size} tmpfs {disk} || exit 99; {fill} "$@"; s=$?;'
            f' rm -f {disk}/ballast; cp -r {disk} {kept}; exit $s', "sh"]


def test_a_disk_that_gets_full(livekit, callers, room, tmp_path):
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    ann = callers.join(livekit, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    done = run("record", room, "-o", disk / "call.mp4", folder=tmp_path, server=livekit,
               prefix=on_a_disk_of("4m", disk, kept, filled_in_mid_call=True),
               env={"AIRCHECK_DATA_DIR": str(disk / "data")})
    saying.cancel()
    must_fail(done, "space", str(disk))
    plays = max((media.decode_what_plays(p) for p in kept.rglob("*") if p.is_file() and "journal" not in p.name), key=len)
    tones = media.tone_intervals(plays, 440)
    assert sum(t.length for t in tones) > 2.0, "what fitted plays"


def test_a_disk_that_is_full_already(livekit, callers, room, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    callers.join(livekit, room, "ann").publish()
    done = run("record", room, "-o", disk / "call.mp4", folder=tmp_path, server=livekit,
               prefix=on_a_disk_of("192k", disk, tmp_path / "kept", filled_in_mid_call=False),
               env={"AIRCHECK_DATA_DIR": str(disk / "data")})
    must_fail(done, "space", "MB free", str(disk))


@pytest.mark.parametrize("env, words", [
    ({"AIRCHECK_DATA_DIRR": "x"}, ["AIRCHECK_DATA_DIRR", "data_dir"]),
    ({"LIVEKIT_URL": "gopher://x"}, ["LIVEKIT_URL", "ws_url"]),
    ({"LIVEKIT_API_SECRET": ""}, ["api_secret"]),
])
def test_bad_settings_are_named_before_anything_is_asked(livekit, room, tmp_path, env, words):
    must_fail(run("record", room, folder=tmp_path, server=livekit, env=env), *words, status=2)


def test_an_unknown_flag(tmp_path):
    must_fail(run("record", "room", "--nonsense", folder=tmp_path), "--nonsense", status=2)
