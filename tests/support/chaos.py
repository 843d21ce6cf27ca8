"""Runs of a call through faults that a seed chooses, judged by what was said in it.

Somebody speaks a tone a second, each second another one, so that a second that is missing in the file has a name.
"""

import asyncio
import json
import random
import threading
import time
from dataclasses import dataclass, field

from support import media
from support.process import free_port

FIRST_HZ, STEP_HZ, SECONDS = 500, 100, 24
SPOKEN = 0.8  # of each second
HEARD = 0.4   # of a second's tone makes it heard


def frequency_of(second):
    return FIRST_HZ + STEP_HZ * second


def count():
    """What is said: `SECONDS` seconds, each a tone of its own."""
    parts = []
    for second in range(SECONDS):
        parts += [media.tone(frequency_of(second), SPOKEN, amplitude=0.4), media.silence(1 - SPOKEN)]
    return media.np.concatenate(parts)


def seconds_in(path):
    """{second: where it is heard in the file} of those that are."""
    samples = media.decode(path)
    found = {}
    for second in range(SECONDS):
        tones = media.tone_intervals(samples, frequency_of(second), amplitude=0.4, bridge=0.5)
        if sum(tone.length for tone in tones) >= HEARD:
            found[second] = tones[0].start
    return found


@dataclass
class Fault:
    kind: str
    at: float      # seconds after the first word
    length: float  # how long it lasts


@dataclass
class Run:
    """One run's report."""
    seed: int
    faults: list
    promised: int = SECONDS
    kept: int = 0
    missing: dict = field(default_factory=dict)  # second: why
    owed: int = 0
    delivered: int = 0
    doubled: int = 0


class TcpFaults:
    """A TCP proxy before any server, that does to connections what `mode` says."""

    MODES = ("pass", "reset", "truncate", "delay", "slow", "500", "503", "garbage", "refuse")

    def __init__(self, backend_port, seed):
        self.port = free_port()
        self.mode = "pass"
        self._backend_port = backend_port
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            ready.set()
        self._loop.create_task(serve())
        self._thread = threading.Thread(target=self._loop.run_forever, name="faults", daemon=True)
        self._thread.start()
        assert ready.wait(60), "the proxy does not listen"

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _answer(self, reader, writer):
        """Answers each request of a connection as a store in trouble does."""
        words = {"500": b"HTTP/1.1 500 Internal Server Error", "503": b"HTTP/1.1 503 Slow Down",
                 "garbage": b"HTTP/1.1 200 OK"}[self.mode]
        body = b"<html>it works!" if self.mode == "garbage" else b""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async def _copy(self, source, target, mode, cut_at):
        passed = 0
        try:
            while data := await source.read(16384):
                passed += len(data)
                if mode == "delay":
                    await asyncio.sleep(0.3)
                elif mode == "slow":
                    await asyncio.sleep(len(data) / 10_000)
                elif mode in ("reset", "truncate") and passed > cut_at:
                    target.write(data[:max(0, len(data) - (passed - cut_at))])
                    await target.drain()
                    return target.transport.abort() if mode == "reset" else target.close()
                target.write(data)
                await target.drain()
        except OSError:
            pass
        target.close()

    async def _relay(self, reader, writer):
        mode = self.mode
        try:
            if mode == "refuse":
                return writer.transport.abort()
            if mode in ("500", "503", "garbage"):
                await self._answer(reader, writer)
                return writer.close()
            backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", self._backend_port)
            cuts = [self._random.randrange(100, 200_000) for _ in range(2)]
            await asyncio.gather(self._copy(reader, backend_writer, mode, cuts[0]),
                                 self._copy(backend_reader, writer, mode, cuts[1]))
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        return None


def choose_faults(seed, kinds, most=3):
    """Which faults there are in the run of `seed`, in order of their time, none beside another."""
    dice = random.Random(seed)
    faults = []
    at = dice.uniform(2.0, 6.0)
    for _ in range(dice.randint(1, most)):
        fault = Fault(dice.choice(kinds), round(at, 2), round(dice.uniform(0.5, 4.0), 2))
        if fault.at + fault.length > SECONDS - 2:
            break
        faults.append(fault)
        at += fault.length + dice.uniform(2.0, 6.0)
    return faults


def sleep_until(instant):
    time.sleep(max(0.0, instant - time.monotonic()))


def report(runs):
    """The whole as text."""
    kinds = {}
    for run in runs:
        for fault in run.faults:
            kinds[fault.kind] = kinds.get(fault.kind, 0) + 1
    lines = [
        f"runs: {len(runs)}, seeds {[run.seed for run in runs]}",
        "faults: " + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())),
        f"seconds of media: promised {sum(r.promised for r in runs)}, kept {sum(r.kept for r in runs)}, "
        f"missing {sum(len(r.missing) for r in runs)}",
        f"notifications: owed {sum(r.owed for r in runs)}, delivered {sum(r.delivered for r in runs)}, "
        f"doubled {sum(r.doubled for r in runs)}",
    ]
    for run in runs:
        for second, why in sorted(run.missing.items()):
            lines.append(f"  seed {run.seed}: second {second} is missing: {why}")
    return "\n".join(lines)


def to_json(runs):
    return json.dumps([{**run.__dict__, "faults": [fault.__dict__ for fault in run.faults]} for run in runs], indent=1)
