"""One caller in a process of its own, which a test can stop and continue: a network that goes and comes back.

python speaker.py URL TOKEN FREQUENCY prints the track's sid, then speaks a tone until it is killed.
"""

import asyncio
import sys

import numpy as np
from livekit import rtc

RATE, FRAME = 48000, 480


async def speak(url, token, frequency):
    room = rtc.Room()
    await room.connect(url, token)
    source = rtc.AudioSource(RATE, 1, queue_size_ms=200)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    print((await room.local_participant.publish_track(track, options)).sid, flush=True)
    at = 0
    while True:
        wave = 0.5 * np.sin(2 * np.pi * frequency * (at + np.arange(FRAME)) / RATE)
        await source.capture_frame(rtc.AudioFrame((wave * 32767).astype(np.int16).tobytes(), RATE, 1, FRAME))
        at += FRAME


if __name__ == "__main__":
    asyncio.run(speak(sys.argv[1], sys.argv[2], float(sys.argv[3])))
