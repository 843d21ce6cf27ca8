"""The measuring tools against sound whose truth is known: a wrong ruler would pass anything."""

import subprocess

import numpy as np
import pytest
from support import media
from support.media import RATE, Interval


def mix(*parts, seconds):
    """Parts are (start, samples)."""
    out = np.zeros(int(seconds * RATE), dtype=np.float32)
    for start, samples in parts:
        first = int(start * RATE)
        out[first:first + len(samples)] += samples
    return out


def near(found, expected, tolerance):
    assert len(found) == len(expected), f"found {found}, expected {expected}"
    for one, (start, end) in zip(found, expected):
        assert abs(one.start - start) <= tolerance, f"found {found}, expected {expected}"
        assert abs(one.end - end) <= tolerance, f"found {found}, expected {expected}"


def test_tones_are_told_apart_to_the_hop():
    samples = mix((0.5, media.tone(440, 1.0)), (1.2, media.tone(1000, 0.8)), (3.0, media.tone(440, 0.5)), seconds=4)
    near(media.tone_intervals(samples, 440), [(0.5, 1.5), (3.0, 3.5)], 0.015)
    near(media.tone_intervals(samples, 1000), [(1.2, 2.0)], 0.015)


def test_a_tone_that_is_not_there_is_not_found():
    samples = mix((0.5, media.tone(440, 1.0)), seconds=2)
    assert media.tone_intervals(samples, 1000, amplitude=0.5) == []
    assert media.tone_intervals(media.silence(1), 440) == []


def test_a_short_hole_is_bridged_and_a_longer_one_is_not():
    samples = media.tone(440, 2.0)
    samples[RATE // 2:RATE // 2 + int(0.02 * RATE)] = 0
    assert len(media.tone_intervals(samples, 440)) == 1
    samples[RATE:RATE + int(0.15 * RATE)] = 0
    near(media.tone_intervals(samples, 440), [(0, 1.0), (1.15, 2.0)], 0.015)


def test_silence_is_found_where_it_is():
    samples = mix((0.0, media.tone(440, 1.0)), (1.6, media.tone(1000, 0.4)), seconds=3)
    near(media.silence_intervals(samples), [(1.0, 1.6), (2.0, 3.0)], 0.015)
    assert media.silence_intervals(media.tone(440, 1)) == []


def test_stereo_is_measured_a_channel_at_a_time():
    left, right = mix((0, media.tone(440, 1)), seconds=2), mix((1, media.tone(1000, 1)), seconds=2)
    both = np.stack([left, right], axis=1)
    near(media.tone_intervals(both[:, 0], 440), [(0, 1)], 0.015)
    near(media.tone_intervals(both[:, 1], 1000), [(1, 2)], 0.015)
    assert media.tone_intervals(both[:, 0], 1000, amplitude=0.5) == []


def test_speech_is_found_under_another_voice(tmp_path):
    first = media.speech("The quick brown fox jumps over the lazy dog", tmp_path, voice="en-us")
    second = media.speech("Pack my box with five dozen jugs", tmp_path, voice="en-gb+f3")
    samples = mix((1.234, first), (2.0, 0.8 * second), seconds=8)
    samples += np.random.default_rng(1).normal(0, 0.003, len(samples)).astype(np.float32)
    for reference, start in ((first, 1.234), (second, 2.0)):
        at, likeness = media.find(samples, reference)
        assert abs(at - start) < 0.002
        assert likeness > 0.5


def test_speech_that_was_not_said_is_unlike(tmp_path):
    said = media.speech("The quick brown fox", tmp_path)
    other = media.speech("Seven silver swans", tmp_path, voice="en-gb+f3")
    assert media.find(mix((1.0, said), seconds=6), other)[1] < 0.4


@pytest.mark.parametrize("extension, codec, channels", [("mp4", "aac", 1), ("mp4", "aac", 2), ("ogg", "libopus", 1)])
def test_a_file_is_decoded_to_its_length(tmp_path, extension, codec, channels):
    samples = mix((0.3, media.tone(440, 0.5)), seconds=2.345)
    wav, path = tmp_path / "in.wav", tmp_path / f"out.{extension}"
    media.write_wav(wav, np.stack([samples] * channels, axis=1))
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", codec, "-b:a", "64k", path], check=True)
    # ffmpeg's own AAC has no cut at the end: up to a frame more.
    assert abs(media.duration(path) - 2.345) < 0.025
    assert media.audio_stream(path)["channels"] == channels
    near(media.tone_intervals(media.decode(path), 440), [(0.3, 0.8)], 0.02)


def test_a_broken_file_is_not_measured(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0" * 1000)
    with pytest.raises(subprocess.CalledProcessError):
        media.decode(path)
    assert len(media.decode_what_plays(path)) == 0


def test_a_click_is_a_jump():
    samples = media.tone(440, 1)
    smooth = media.largest_jump(samples)
    assert smooth < 0.5 * 2 * np.pi * 440 / RATE * 1.05
    # A quarter of a period is missing.
    samples[RATE // 2:-100] = samples[RATE // 2 + 27:-73].copy()
    assert media.largest_jump(samples) > 3 * smooth


def test_intervals_have_a_length():
    assert Interval(1.0, 2.5).length == 1.5
