"""People in a room, by LiveKit's own SDK: they speak tones or recorded speech, mute, leave and listen."""

import asyncio
import threading
import time

import numpy as np
from livekit import rtc

from support import media

FRAME = 480  # 10 ms


class Loop:
    """One asyncio loop in a thread, for the SDK; tests stay plain code."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="callers", daemon=True)
        self.thread.start()

    def run(self, work, limit=60.0):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(limit)

    def start(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Caller:
    """One participant. Times are time.monotonic(); use `callers.join(...)` to get one."""

    def __init__(self, loop, server, room, identity, *, kind=None, attributes=None, encryption_key=None):
        self._loop = loop
        self.identity = identity
        self.heard = {}  # identity: Heard
        self.disconnected = threading.Event()
        self._tasks = []
        self._source = self._track = None
        self._cameras = []
        token = server.token(identity, room, kind=kind, attributes=attributes)
        options = rtc.RoomOptions()
        if encryption_key:  # end to end
            keys = rtc.KeyProviderOptions(shared_key=encryption_key)
            options.encryption = rtc.E2EEOptions(key_provider_options=keys)
        loop.run(self._join(server.direct_url, token, options))

    async def _join(self, url, token, options):
        self.room = rtc.Room()
        self.room.on("disconnected", lambda *_: self.disconnected.set())
        self.room.on("track_subscribed", self._listen)
        await self.room.connect(url, token, options)

    def publish(self, *, name="microphone", dtx=True, red=True):
        """Publishes a microphone; silent until it says something."""
        async def work():
            # Empty whenever somebody begins to speak; long enough that a busy machine tears no hole.
            self._source = rtc.AudioSource(media.RATE, 1, queue_size_ms=500)
            self._track = rtc.LocalAudioTrack.create_audio_track(name, self._source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=dtx, red=red)
            return await self.room.local_participant.publish_track(self._track, options)
        self.publication = self._loop.run(work())
        return self

    def show(self):
        """Publishes a camera, another one each time; its picture is black."""
        async def work():
            source = rtc.VideoSource(160, 120)
            track = rtc.LocalVideoTrack.create_video_track("camera", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
            await self.room.local_participant.publish_track(track, options)
            self._cameras.append((source, track))
        self._loop.run(work())
        return self

    def say(self, samples):
        """Speaks mono float32 at 48 kHz in real time; gives (start, end) when it is over."""
        return self._loop.run(self._say(samples), limit=len(samples) / media.RATE + 60)

    def start_saying(self, samples):
        """The same without waiting: a future of (start, end)."""
        return self._loop.start(self._say(samples))

    async def _say(self, samples):
        start = time.monotonic()
        padded = np.concatenate([samples, np.zeros(-len(samples) % FRAME, dtype=np.float32)])
        for first in range(0, len(padded), FRAME):
            data = media.to_pcm16(padded[first:first + FRAME])
            await self._source.capture_frame(rtc.AudioFrame(data, media.RATE, 1, FRAME))
        await self._source.wait_for_playout()
        return start, time.monotonic()

    def tone(self, frequency, seconds, *, amplitude=0.5):
        return self.say(media.tone(frequency, seconds, amplitude=amplitude))

    def start_tone(self, frequency, seconds, *, amplitude=0.5):
        return self.start_saying(media.tone(frequency, seconds, amplitude=amplitude))

    def mute(self):
        self._loop.loop.call_soon_threadsafe(self._track.mute)

    def unmute(self):
        self._loop.loop.call_soon_threadsafe(self._track.unmute)

    def unpublish(self):
        self._loop.run(self.room.local_participant.unpublish_track(self.publication.sid))

    def leave(self):
        self._loop.run(self.room.disconnect())

    def _listen(self, track, publication, participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            heard = self.heard.setdefault(participant.identity, Heard())
            self._tasks.append(asyncio.ensure_future(heard.collect(track), loop=self._loop.loop))


class Heard:
    """What one listener hears of one speaker, on the listener's clock."""

    def __init__(self):
        self._frames = []  # (arrival, samples)

    async def collect(self, track):
        stream = rtc.AudioStream(track, sample_rate=media.RATE, num_channels=1)
        async for event in stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32) / 32768
            self._frames.append((time.monotonic(), samples))

    def samples(self, start, end):
        """What was heard from `start` to `end`.

        The SDK hands out 10 ms every 10 ms; on a busy machine this thread gets some of them late. So a
        frame lies one frame after the one before it, unless all that follow for a second come later too:
        then there was a pause.
        """
        frames = list(self._frames)
        out = np.zeros(int((end - start) * media.RATE), dtype=np.float32)
        if not frames:
            return out
        offsets = np.array([arrival - i * 0.010 for i, (arrival, _) in enumerate(frames)])
        padded = np.concatenate([offsets, np.full(100, np.inf)])
        earliest = np.lib.stride_tricks.sliding_window_view(padded, 101).min(axis=1)
        anchor = earliest[0]
        for i, (_, samples) in enumerate(frames):
            if abs(earliest[i] - anchor) > 0.03:
                anchor = earliest[i]
            at = int(round((anchor + i * 0.010 - start) * media.RATE))
            if 0 <= at and at + len(samples) <= len(out):
                out[at:at + len(samples)] = samples
        return out


class Callers:
    """Everybody in one test; leaves together."""

    def __init__(self):
        self._loop = Loop()
        self._all = []

    def join(self, server, room, identity, **options):
        caller = Caller(self._loop, server, room, identity, **options)
        self._all.append(caller)
        return caller

    def stop(self):
        for caller in self._all:
            for task in caller._tasks:
                self._loop.loop.call_soon_threadsafe(task.cancel)
            try:
                caller.leave()
            except Exception:  # its server may be gone already
                pass
        self._loop.stop()
