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
    # Without DTX: a stream that goes on keeps the listener's jitter buffer from beginning anew each time.
    people = {name: callers.join(livekit, room, name).publish(dtx=False) for name in ("ann", "bob")}
    listeners = [callers.join(livekit, room, name) for name in ("carol", "dave")]
    wait_until(lambda: all(len(one.heard) == 2 for one in listeners), "the listeners hear both")
    egress_id = scene.start_recording(service, room)

    begin = time.monotonic()
    spoken = []
    for name, voice, text in LINES:
        samples = media.speech(text, tmp_path, voice=voice)
        start, _ = people[name].say(samples)
        spoken.append((name, samples, start - begin))
        time.sleep(0.3)
    time.sleep(1.5)
    end = time.monotonic()
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]

    recorded = media.decode(mix["location"])
    heard_later, said_earlier = [], []
    for name, samples, said in spoken:
        in_file, likeness = media.find(recorded, samples)
        assert likeness > 0.5, f"{name} is not found in the file"
        assert_not_torn(recorded, in_file, samples)
        later = [lag for one in listeners for lag in lags(one.heard[name].samples(begin, end), samples, in_file)]
        assert later, f"{name} was not heard by the listeners"
        heard_later.append(min(later))
        said_earlier.append(in_file - said)
    # Two clocks, neither of them exact: a listener's jitter buffer may grow by 100 ms when the machine is busy,
    # and the SDK may hold back what a speaker hands it. What is out of place is so by both.
    by_listener, by_speaker = deviations(heard_later), deviations(said_earlier)
    assert max(map(min, by_listener, by_speaker)) <= PLACE, (by_listener, by_speaker)


def deviations(values):
    middle = statistics.median(values)
    return [abs(value - middle) for value in values]


PIECE = int(0.5 * media.RATE)


def pieces(samples):
    """(offset, samples) of half seconds that hold enough sound to be found again."""
    for first in range(0, len(samples) - PIECE + 1, PIECE // 2):
        piece = samples[first:first + PIECE]
        if np.sqrt(np.mean(piece ** 2)) > 0.03:
            yield first / media.RATE, piece


def assert_not_torn(recorded, in_file, samples):
    """Every part of an utterance lies where the whole of it says."""
    for offset, piece in pieces(samples):
        first = int((in_file + offset - 0.2) * media.RATE)
        around = recorded[max(0, first):first + len(piece) + int(0.4 * media.RATE)]
        at, likeness = media.find(around, piece)
        off = at + max(0, first) / media.RATE - in_file - offset
        assert likeness > 0.5 and abs(off) < 0.015, f"{off:.3f} s off at {offset:.2f} s (likeness {likeness:.2f})"


def lags(heard, samples, in_file):
    """How much later than in the file each recognisable part was heard."""
    for offset, piece in pieces(samples):
        at, likeness = media.find(heard, piece)
        if likeness > 0.6:
            yield at - offset - in_file


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
