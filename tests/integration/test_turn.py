"""Calls that reach the recorder by TURN servers alone: livekit-server's own, and coturn."""

import re

import pytest
from support import scene
from support.aircheck import run
from support.process import free_port, preloaded


@pytest.fixture
def embedded(start_livekit):
    """livekit-server with its own TURN server, over UDP."""
    return start_livekit(turn={"udp_port": free_port(), "relay_range_start": 30000, "relay_range_end": 31999})


def record_a_tone(server, callers, room, folder, *flags, env=None):
    """Gives how media came: the words of the log's event."""
    ann = callers.join(server, room, "ann").publish()
    saying = ann.start_tone(440, 8.0)
    path = folder / "call.mp4"
    done = run(
        "record", room, "-o", path, "--log-level", "debug", *flags, folder=folder, server=server, env=env,
        interrupt_when=lambda _: saying.done())
    assert done.returncode == 0, done.stderr
    tones = scene.hears(path, 440)
    assert sum(tone.length for tone in tones) > 4.0, tones
    (connected,) = re.findall(r"media\.connected .*", done.stderr)
    return connected


def test_relayed_by_livekits_own_server(embedded, callers, room, tmp_path):
    """The recorder's UDP reaches the TURN server alone, and its TCP the signal port."""
    shim = {**preloaded("only_to", tmp_path), "ONLY_TO": f"{embedded.turn_port},{embedded.port}"}
    connected = record_a_tone(embedded, callers, room, tmp_path, env=shim)
    assert re.search(r"by=\"?turn:127\.0\.0\.1:\d+\?transport=udp", connected), connected


def test_not_relayed_where_that_is_not_needed(embedded, callers, room, tmp_path):
    assert "by=udp" in record_a_tone(embedded, callers, room, tmp_path)
