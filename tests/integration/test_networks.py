"""livekit-server in the ways it is set up: each is joined and recorded, over its own path."""

import pytest
from support import scene
from support.aircheck import run
from support.livekit import VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
def test_joined_and_recorded(start_livekit, callers, room, tmp_path, variant):
    server = start_livekit(variant=variant)
    ann = callers.join(server, room, "ann").publish()
    saying = ann.start_tone(440, 6.0)
    path = tmp_path / "call.mp4"
    done = run("record", room, "-o", path, folder=tmp_path, server=server, interrupt_when=lambda _: saying.done())
    assert done.returncode == 0, done.stderr
    tones = scene.hears(path, 440)
    assert len(tones) == 1 and tones[0].length > 4.0, tones
