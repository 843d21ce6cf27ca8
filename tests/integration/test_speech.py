"""Real speech through LiveKit's own encoder: where it lies in the file, beside what another listener heard."""

import statistics
import time

import numpy as np
import pytest
from support import media, scene
from support.process import wait_until

# Of each utterance, against where a listener in the same room heard it.
PLACE = 0.040

LINES = [
    ("ann", "en-us", "Good morning, this is the clinic, how can I help you today?"),
    ("bob", "en-gb+f3", "Hello, I would like to move my appointment to next Tuesday."),
    ("ann", "en-us", "Of course. Would half past ten suit you?"),
    ("bob", "en-gb+f3", "That is perfect, thank you very much."),
]


def test_each_utterance_lies_where_others_heard_it(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    people = {name: callers.join(livekit, room, name).publish() for name in ("ann", "bob")}
    listener = callers.join(livekit, room, "carol")
    wait_until(lambda: len(listener.heard) == 2, "carol hears both")
    egress_id = scene.start_recording(service, room)

    begin = time.monotonic()
    spoken = []
    for name, voice, text in LINES:
        samples = media.speech(text, tmp_path, voice=voice)
        people[name].say(samples)
        spoken.append((name, samples))
        time.sleep(0.3)
    time.sleep(1.5)
    end = time.monotonic()
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]

    recorded = media.decode(mix["location"])
    differences = []
    for name, samples in spoken:
        in_file, likeness = media.find(recorded, samples)
        assert likeness > 0.5, f"{name} is not found in the file"
        in_room, likeness = media.find(listener.heard[name].samples(begin, end), samples)
        assert likeness > 0.5, f"{name} was not heard by the listener"
        differences.append(in_file - in_room)
    middle = statistics.median(differences)
    assert [d for d in differences if abs(d - middle) > PLACE] == [], differences


@pytest.mark.parametrize("dtx", [True, False])
def test_pauses_keep_their_length(livekit, start_aircheck, callers, room, tmp_path, dtx):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish(dtx=dtx)
    egress_id = scene.start_recording(service, room)
    parts = [media.tone(440, 0.5)]
    for pause in (0.2, 1.0, 3.0):
        parts += [media.silence(pause), media.tone(440, 0.5)]
    ann.say(np.concatenate(parts))
    time.sleep(1.0)
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
    tones = scene.hears(mix["location"], 440, amplitude=0.5)
    assert len(tones) == 4, tones
    pauses = [b.start - a.end for a, b in zip(tones, tones[1:])]
    assert all(abs(found - pause) <= 0.06 for found, pause in zip(pauses, (0.2, 1.0, 3.0))), pauses
