"""A publisher that is not LiveKit's SDK: aiortc, by LiveKit's signalling. It sends the codecs that the SDK does not."""

import asyncio
import fractions
import json

import aiohttp
import aioice.ice
import aiortc
import av
import numpy as np
from aiortc.sdp import candidate_from_sdp
from livekit.protocol import models, rtc as signal

from support import media
from support.callers import Loop

RATE, FRAME = 8000, 160  # G.711: 20 ms

# aiortc leaves loopback out, where the tests' servers are.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Voice(aiortc.MediaStreamTrack):
    """Silence in real time, and what it is told to say."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self._words = np.zeros(0, dtype=np.int16)
        self._is_over = asyncio.Event()
        self._sent = 0
        self._began = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._sent / RATE - loop.time()))
        piece, self._words = self._words[:FRAME], self._words[FRAME:]
        if not len(self._words):
            self._is_over.set()
        samples = np.zeros((1, FRAME), dtype=np.int16)
        samples[0, :len(piece)] = piece
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += FRAME
        return frame

    async def say(self, samples):
        self._is_over.clear()
        self._words = samples
        await self._is_over.wait()


class Publisher:
    """One participant with one microphone of `codec` ("audio/PCMU", "audio/PCMA")."""

    def __init__(self, server, room, identity, codec):
        self._loop = Loop()
        self.identity = identity
        self._waiting = {}  # kind of answer: future
        self._loop.run(self._join(server, room, codec))

    async def _join(self, server, room, codec):
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(
            f"{server.direct_url}/rtc",
            params={"access_token": server.token(self.identity, room), "protocol": "15", "auto_subscribe": "0"})
        self._signals = asyncio.ensure_future(self._hear())
        await self._answer("join")
        self._peer = aiortc.RTCPeerConnection()
        self._voice = Voice()
        sender = self._peer.addTransceiver(self._voice, direction="sendonly")
        sender.setCodecPreferences(
            [c for c in aiortc.RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == codec])
        await self._send(add_track=signal.AddTrackRequest(
            cid=self._voice.id, name="phone", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE))
        self.track = (await self._answer("track_published")).track
        await self._peer.setLocalDescription(await self._peer.createOffer())
        await self._send(offer=signal.SessionDescription(type="offer", sdp=self._peer.localDescription.sdp))
        answer = await self._answer("answer")
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer.sdp, type="answer"))
        while self._peer.connectionState != "connected":
            assert self._peer.connectionState in ("new", "connecting"), self._peer.connectionState
            await asyncio.sleep(0.02)

    def _answer(self, kind):
        return self._waiting.setdefault(kind, asyncio.get_running_loop().create_future())

    async def _send(self, **request):
        await self._socket.send_bytes(signal.SignalRequest(**request).SerializeToString())

    async def _hear(self):
        async for message in self._socket:
            if message.type != aiohttp.WSMsgType.BINARY:
                continue
            response = signal.SignalResponse.FromString(message.data)
            kind = response.WhichOneof("message")
            if kind == "trickle" and response.trickle.target == signal.SignalTarget.PUBLISHER:
                await self._add_candidate(json.loads(response.trickle.candidateInit))
                continue
            answer = self._answer(kind)
            if not answer.done():
                answer.set_result(getattr(response, kind))

    async def _add_candidate(self, told):
        candidate = candidate_from_sdp(told["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = told.get("sdpMid") or "0", told.get("sdpMLineIndex")
        if candidate.protocol == "udp":
            await self._answer("answer")
            await self._peer.addIceCandidate(candidate)

    def tone(self, frequency, seconds, *, amplitude=0.5):
        samples = media.to_pcm16(media.tone(frequency, seconds, amplitude=amplitude)[::media.RATE // RATE])
        self._loop.run(self._voice.say(np.frombuffer(samples, dtype=np.int16)), limit=seconds + 60)

    def stop(self):
        async def leave():
            await self._peer.close()
            self._signals.cancel()
            await self._socket.close()
            await self._http.close()
        self._loop.run(leave())
        self._loop.stop()
