"""livekit-server in the ways it is set up: each is joined and recorded, over its own path."""

import re

import pytest
from support import scene
from support.aircheck import run
from support.livekit import VARIANTS
from support.process import preloaded


def record_a_tone(server, callers, room, folder, *, env=None):
    """Gives how media came: the words of the log's event."""
    ann = callers.join(server, room, "ann").publish()
    saying = ann.start_tone(440, 5.0)
    path = folder / "call.mp4"
    done = run(
        "record", room, "-o", path, "--log-level", "info", folder=folder, server=server, env=env,
        interrupt_when=lambda _: saying.done())
    assert done.returncode == 0, done.stderr
    tones = scene.hears(path, 440)
    # A busy machine may hold the SDK's encoder up; how well it is recorded is other tests' matter.
    assert sum(tone.length for tone in tones) > 3.0, tones
    (connected,) = re.findall(r"media\.connected .*", done.stderr)
    return connected


@pytest.mark.parametrize("variant", VARIANTS)
def test_joined_and_recorded(start_livekit, callers, room, tmp_path, variant):
    server = start_livekit(variant=variant)
    connected = record_a_tone(server, callers, room, tmp_path)
    assert ("by=tcp" if variant == "tcp-only" else "by=udp") in connected
    assert (f"server=[{server.host}]:" if variant == "ipv6" else "server=127.0.0.1:") in connected


@pytest.mark.parametrize("suite", ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"])
def test_with_either_srtp_suite(livekit, callers, room, tmp_path, suite):
    shim = {**preloaded("srtp_suite", tmp_path), "SRTP_SUITE": suite}
    assert f"srtp={suite}" in record_a_tone(livekit, callers, room, tmp_path, env=shim)


def test_a_server_behind_tls_that_nobody_vouches_for_is_refused(start_livekit, callers, room, tmp_path):
    server = start_livekit(variant="tls")
    callers.join(server, room, "ann").publish()
    done = run("record", room, "-o", tmp_path / "x.mp4", folder=tmp_path, server=server, env={"SSL_CERT_FILE": "/dev/null"})
    assert done.returncode == 1
    assert "certificate" in done.stderr.lower(), done.stderr
