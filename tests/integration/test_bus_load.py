"""Many jobs at once over two real workers: none lost, none twice, the excess refused with the reason."""

import collections
import concurrent.futures
import json
import time

import pytest
from livekit import api
from support import scene
from support.process import wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

JOBS, PLACES = 60, 20  # PLACES: of each worker, set so that the machine's speed decides nothing.
FULL = f"this recorder is full: max_recordings is {PLACES}"
# What the machine itself would refuse is not what is tested here.
ROOMY = {"max_recordings": PLACES, "cpu_cost": {"max_cpu_utilization": 1.0}}


@pytest.fixture
def livekit(start_livekit, redis, receiver):
    return start_livekit(redis=redis, webhook_urls=[receiver.url()])


@pytest.fixture
def workers(start_aircheck, livekit, redis, tmp_path):
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(start_aircheck(server=livekit, config={
            "redis": {"address": redis.address}, "data_dir": str(tmp_path / name), **ROOMY}))
    for worker in made:
        wait_until(lambda w=worker: "bus.ready" in w.process.log.read_text(), "the bus is ready")
    return made


@pytest.fixture
def silent_room(livekit, room):
    """Nobody is in it: what is tested is who takes a job, and a wait costs the machine next to nothing."""
    livekit.call(lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room, empty_timeout=3600)))
    return room


def start(at, room, number):
    """(egress id, None) or (None, the refusal), and how long it took."""
    began = time.monotonic()
    try:
        info = scene.use_egress_api(at, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
            room_name=room, audio_only=True, file_outputs=[api.EncodedFileOutput(filepath=f"{number}.ogg")])))
        return info.egress_id, None, time.monotonic() - began
    except api.TwirpError as error:
        return None, error, time.monotonic() - began


def start_all(at, room):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(lambda number: start(at, room, number), range(JOBS)))


def running_on(worker):
    return [json.loads(line)["egress_id"] for line in worker.command("egress", "list", "--json").stdout.splitlines()]


def test_sixty_jobs_over_the_bus(livekit, workers, receiver, silent_room):
    answers = start_all(livekit, silent_room)
    # A caller that LiveKit's server gave up on before it had asked all workers asks again, as its users do.
    gave_up = [n for n, (_, error, _) in enumerate(answers) if error and error.code in ("unavailable", "deadline_exceeded")]
    for number in gave_up:
        answers[number] = start(livekit, silent_room, number)
    started = [egress_id for egress_id, _, _ in answers if egress_id]
    refused = [error for _, error, _ in answers if error]
    assert len(started) == 2 * PLACES, [f"{e.code}: {e.message}" for e in refused]
    # livekit-server puts words of its own before them.
    assert {(error.code, error.message.removeprefix("twirp error unknown: ")) for error in refused} == {
        ("resource_exhausted", FULL)}

    on_workers = [running_on(worker) for worker in workers]
    assert [len(jobs) for jobs in on_workers] == [PLACES, PLACES]
    assert collections.Counter(sum(on_workers, [])) == collections.Counter(started), "each once"
    listed = scene.use_egress_api(livekit, lambda e: e.list_egress(api.ListEgressRequest(active=True)))
    assert sorted(info.egress_id for info in listed.items) == sorted(started)
    assert not [w for w in workers if "already_exists" in w.process.log.read_text()]

    livekit.close_room(silent_room)
    def over():
        told = [d.verified().egress_info.egress_id for d in receiver.deliveries if d.event == "egress_ended"]
        return told if len(told) >= len(started) else None
    assert sorted(wait_until(over, "every job has ended", limit=120)) == sorted(started), "each once"


def test_sixty_jobs_by_our_own_api(livekit, workers, silent_room):
    worker = workers[0]
    answers = start_all(worker, silent_room)
    started = [egress_id for egress_id, _, _ in answers if egress_id]
    refused = [error for _, error, _ in answers if error]
    assert (len(set(started)), len(refused)) == (PLACES, JOBS - PLACES)
    assert {(error.code, error.message) for error in refused} == {("resource_exhausted", FULL)}
    assert sorted(running_on(worker)) == sorted(started)
    # One caller's answer is due within a second; a busy machine gets three tries.
    later = [start(worker, silent_room, number) for number in range(JOBS, JOBS + 3)]
    assert {error.message for _, error, _ in later} == {FULL}
    assert min(took for _, _, took in later) < 1.0, later
