"""What a recording holds, found by decoding it: never by its size.

Samples are float32 arrays [frames × channels] at 48 kHz; times are seconds from the file's start.
"""

import json
import subprocess
import wave
from dataclasses import dataclass

import numpy as np

RATE = 48000
HOP = 0.010
# A speaker whose machine is busy leaves holes of this length, which are the tone all the same.
HOLE = 0.1


@dataclass(frozen=True)
class Interval:
    start: float
    end: float

    @property
    def length(self):
        return self.end - self.start


def decode(path, *, rate=RATE):
    """All audio of the file's first audio stream, as ffmpeg plays it (edit lists and pre-skip applied)."""
    channels = audio_stream(path)["channels"]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ar", str(rate), "-"],
        check=True, capture_output=True).stdout
    return np.frombuffer(raw, dtype=np.float32).reshape(-1, channels)


def decode_what_plays(path, *, rate=RATE):
    """Like decode, of a file that may be cut off: as far as a player gets."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ac", "1", "-ar", str(rate), "-"],
        capture_output=True).stdout
    return np.frombuffer(raw, dtype=np.float32).reshape(-1, 1)


def probe(path, *, packets=False):
    """ffprobe's JSON: format, streams and, when asked for, packets."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams"]
    if packets:
        command.append("-show_packets")
    return json.loads(subprocess.run(command + [str(path)], check=True, capture_output=True).stdout)


def packets(path):
    """(MD5, size) of each packet of the first audio stream, as it lies in the file."""
    lines = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-c", "copy", "-f", "framemd5", "-"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    fields = [line.split(",") for line in lines if not line.startswith("#")]
    return [(md5.strip(), int(size)) for _, _, _, _, size, md5 in fields]


def audio_stream(path):
    streams = [s for s in probe(path)["streams"] if s["codec_type"] == "audio"]
    assert len(streams) == 1, f"{path} has {len(streams)} audio streams"
    return streams[0]


def duration(path):
    """Seconds of audio, counted by decoding."""
    return len(decode(path)) / RATE


def mono(samples):
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def levels_of_tone(samples, frequency, *, rate=RATE, window=0.040):
    """Amplitude of one frequency in windows centred on multiples of HOP."""
    samples = mono(samples).astype(np.float64)
    size, hop = int(window * rate), int(HOP * rate)
    padded = np.concatenate([np.zeros(size // 2), samples, np.zeros(size)])
    count = len(samples) // hop + 1
    shape = np.hanning(size)
    phases = np.exp(-2j * np.pi * frequency / rate * np.arange(size)) * shape / (shape.sum() / 2)
    starts = np.arange(count) * hop
    # Blocks keep the copies of an hour's audio small.
    levels = np.empty(count)
    for first in range(0, count, 4096):
        rows = starts[first:first + 4096, None] + np.arange(size)
        levels[first:first + 4096] = np.abs(padded[rows] @ phases)
    return levels


def tone_intervals(samples, frequency, *, amplitude=None, rate=RATE, shortest=0.05, bridge=HOLE):
    """When a tone is heard. `amplitude`: what it was sent with; else its own loudest is taken.

    An edge lies where the windowed amplitude passes half: exact to about a hop. Holes shorter than
    `bridge` are closed, tones shorter than `shortest` dropped.
    """
    levels = levels_of_tone(samples, frequency, rate=rate)
    full = amplitude if amplitude is not None else np.percentile(levels, 99.5)
    if full < 1e-3:
        return []
    return _intervals(levels > full / 2, shortest=shortest, bridge=bridge)


def silence_intervals(samples, *, threshold=10 ** (-50 / 20), rate=RATE, shortest=0.1):
    """When nothing is heard: every sample of a hop is below `threshold` (-50 dBFS)."""
    hop = int(HOP * rate)
    samples = np.abs(mono(samples))
    samples = samples[:len(samples) // hop * hop].reshape(-1, hop).max(axis=1)
    return _intervals(samples < threshold, shortest=shortest, bridge=0)


def _intervals(active, *, shortest, bridge):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    found = []
    for start, end in zip(edges[::2] * HOP, edges[1::2] * HOP):
        if found and start - found[-1][1] <= bridge:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [Interval(float(a), float(b)) for a, b in found if b - a >= shortest]


def find(samples, reference, *, rate=RATE):
    """(seconds at which `reference` begins in `samples`, how alike they are from 0 to 1).

    Normalised cross-correlation, so that loud other sound does not win over the right place.
    """
    haystack, needle = mono(samples).astype(np.float64), mono(reference).astype(np.float64)
    assert 0 < len(needle) <= len(haystack), "the reference is longer than what is searched"
    size = 1 << int(np.ceil(np.log2(len(haystack) + len(needle))))
    product = np.fft.rfft(haystack, size) * np.conj(np.fft.rfft(needle, size))
    correlation = np.fft.irfft(product, size)[:len(haystack) - len(needle) + 1]
    energy = np.concatenate([[0], np.cumsum(haystack ** 2)])
    local = energy[len(needle):] - energy[:-len(needle)]
    # Where next to nothing is heard nothing is alike.
    floor = max(1e-9, local.max() * 1e-3)
    likeness = np.abs(correlation) / np.sqrt(np.maximum(local, floor) * max(1e-12, (needle ** 2).sum()))
    best = int(np.argmax(likeness))
    return best / rate, float(likeness[best])


def largest_jump(samples):
    """The largest step from one sample to the next: a click stands out of what the source has."""
    return float(np.abs(np.diff(samples, axis=0)).max())


def tone(frequency, seconds, *, amplitude=0.5, rate=RATE):
    """float32 mono, with 5 ms of fade at both ends so that its own edges do not click."""
    samples = amplitude * np.sin(2 * np.pi * frequency / rate * np.arange(int(seconds * rate)))
    fade = np.minimum(1, np.arange(len(samples)) / (0.005 * rate))
    return (samples * fade * fade[::-1]).astype(np.float32)


def sweep(low, high, seconds, *, amplitude=0.5, rate=RATE):
    """A tone that rises from `low` to `high`: no part of it sounds as another. Faded as tone() is."""
    at = np.arange(int(seconds * rate)) / rate
    samples = amplitude * np.sin(2 * np.pi * (low * at + (high - low) / (2 * seconds) * at ** 2))
    fade = np.minimum(1, np.arange(len(samples)) / (0.005 * rate))
    return (samples * fade * fade[::-1]).astype(np.float32)


def silence(seconds, *, rate=RATE):
    return np.zeros(int(seconds * rate), dtype=np.float32)


def speech(text, folder, *, voice="en-us", rate=RATE):
    """`text` spoken by espeak-ng, mono at `rate`, without the silence around it."""
    path = folder / f"{voice.replace('+', '_')}-{abs(hash(text))}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
    samples = decode(path, rate=rate)[:, 0]
    heard = np.flatnonzero(np.abs(samples) > 0.02)
    assert len(heard) > rate // 10, "espeak-ng said nothing"
    return samples[heard[0]:heard[-1] + 1]


def write_wav(path, samples, *, rate=RATE):
    samples = samples if samples.ndim == 2 else samples[:, None]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_pcm16(samples))


def to_pcm16(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
