"""A machine that is gone for good: others go on with its calls, or make the recordings from the bucket alone."""

import shutil

import pytest
from livekit import api
from support import media, scene
from support.aircheck import Aircheck
from support.postgres import Postgres
from support.process import free_port, wait_until

pytestmark = pytest.mark.chaos

HOLE = 0.4
JOURNAL_UPLOAD = 3.0


def key_file(folder):
    key = folder / "secrets.key"
    key.write_text(bytes(range(32)).hex())
    key.chmod(0o600)
    return str(key)


@pytest.fixture
def fleet(running, tmp_path, livekit, bucket, receiver):
    """Two workers on one PostgreSQL and one bucket."""
    postgres = running.add(Postgres(tmp_path))
    config = {
        "database": postgres.new_database(), "secrets_key_file": key_file(tmp_path), "storage": {"s3": bucket.config()},
        "webhooks": [{"url": receiver.url()}], "journal_upload": f"{JOURNAL_UPLOAD}s"}
    workers = []
    for number in range(2):
        own = tmp_path / f"worker{number}"
        own.mkdir()
        workers.append(running.add(Aircheck(own, server=livekit, port=free_port(), config=config)))
    return workers


def lose_machine(aircheck):
    aircheck.kill()
    shutil.rmtree(aircheck.data_dir)


def copied_seconds(bucket, egress_id):
    return len([key for key in bucket.journals() if key.startswith(f"aircheck-journals/{egress_id}/")])


def check_told_once(receiver, egress_id):
    wait_until(lambda: [d for d in receiver.events("egress_ended") if d.json["egressInfo"]["egressId"] == egress_id],
               "its end is told")
    events = [d.event for d in receiver.deliveries if d.json["egressInfo"]["egressId"] == egress_id]
    assert events.count("egress_started") == events.count("egress_ended") == 1, events


def test_a_worker_goes_on_with_the_call_of_a_machine_that_is_gone(
        fleet, livekit, bucket, receiver, callers, room, tmp_path):
    lost, other = fleet
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(lost, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 8.0)
    wait_until(lambda: copied_seconds(bucket, egress_id) >= 3, "some of its journal is copied")
    lose_machine(lost)
    other.process.wait_for_log("recording.taken_over")
    other.process.wait_for_log("media.connected")
    ann.tone(1000, 3.0)
    ann.leave()
    found = other.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = bucket.download(f"{room}.mp4", tmp_path)
    before, after = scene.hears(path, 440, bridge=HOLE), scene.hears(path, 1000, bridge=HOLE)
    assert sum(t.length for t in before) >= 8.0 - JOURNAL_UPLOAD - 0.5, before
    assert abs(sum(t.length for t in after) - 3.0) <= 0.5, after
    (gap,) = found["gaps"]
    assert gap["reason"] == "restart"
    # What lies between is as long in the file as it was in the call.
    assert after[0].start - before[0].start >= 20.0
    assert abs(media.duration(path) - found["files"][0]["duration"]) <= 0.1
    wait_until(lambda: not bucket.journals(), "its journal's copies are gone")
    check_told_once(receiver, egress_id)


def test_without_copies_the_rest_of_the_call_is_recorded(
        running, livekit, bucket, receiver, callers, room, tmp_path):
    postgres = running.add(Postgres(tmp_path))
    config = {
        "database": postgres.new_database(), "secrets_key_file": key_file(tmp_path), "storage": {"s3": bucket.config()},
        "webhooks": [{"url": receiver.url()}], "journal_upload": 0}
    lost, other = [running.add(Aircheck(folder, server=livekit, port=free_port(), config=config))
                   for folder in (tmp_path / "one", tmp_path / "two") if not folder.mkdir()]
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(lost, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 1.0)
    lose_machine(lost)
    other.process.wait_for_log("recording.begun_anew")
    other.process.wait_for_log("media.connected")
    ann.tone(1000, 3.0)
    ann.leave()
    found = other.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = bucket.download(f"{room}.mp4", tmp_path)
    assert abs(scene.heard(path, 1000) - 3.0) <= 0.5
    assert [gap["reason"] for gap in found["gaps"]] == ["restart"], "what came before is told to be missing"
    assert bucket.journals() == []
    check_told_once(receiver, egress_id)


def test_a_call_that_ended_meanwhile_is_made_of_the_copies(
        fleet, livekit, bucket, receiver, callers, room, tmp_path):
    lost, other = fleet
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(lost, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 8.0)
    wait_until(lambda: copied_seconds(bucket, egress_id) >= 3, "some of its journal is copied")
    lose_machine(lost)
    ann.leave()
    other.wait_for_recording(egress_id, "EGRESS_COMPLETE", limit=240)
    tones = scene.hears(bucket.download(f"{room}.mp4", tmp_path), 440, bridge=HOLE)
    assert sum(t.length for t in tones) >= 8.0 - JOURNAL_UPLOAD - 0.5, tones
    wait_until(lambda: not bucket.journals(), "its journal's copies are gone")
    check_told_once(receiver, egress_id)


def test_who_was_only_held_up_lets_go_of_what_another_took(
        fleet, livekit, bucket, receiver, callers, room, tmp_path):
    held_up, other = fleet
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(held_up, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 6.0)
    wait_until(lambda: copied_seconds(bucket, egress_id) >= 2, "some of its journal is copied")
    held_up.process.pause()
    other.process.wait_for_log("recording.taken_over")
    other.process.wait_for_log("media.connected")
    held_up.process.go_on()
    held_up.process.wait_for_log("recording.abandoned")
    ann.tone(1000, 3.0)
    ann.leave()
    other.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = bucket.download(f"{room}.mp4", tmp_path)
    assert abs(sum(t.length for t in scene.hears(path, 1000, bridge=HOLE)) - 3.0) <= 0.5
    assert [key for key in bucket.keys() if key.endswith(".mp4")] == [f"{room}.mp4"]
    wait_until(lambda: not bucket.journals(), "its journal's copies are gone")
    check_told_once(receiver, egress_id)
    assert held_up.process.is_running()


@pytest.fixture
def lone(start_aircheck, livekit, bucket, tmp_path):
    """lone("name"): a machine with records of its own, that has nothing but the bucket in common with others."""
    def make(name, **config):
        folder = tmp_path / name
        folder.mkdir()
        return start_aircheck(server=livekit, folder=folder, config={
            "storage": {"s3": bucket.config()}, "journal_upload": f"{JOURNAL_UPLOAD}s", **config})
    return make


def record_and_lose(lost, livekit, bucket, callers, room, **body):
    """A call of eight seconds whose machine is gone at its end; gives the egress id."""
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(lost, room, outputs=[{"filepath": f"{room}.mp4"}], **body)
    ann.tone(440, 8.0)
    wait_until(lambda: copied_seconds(bucket, egress_id) >= 3, "some of its journal is copied")
    lose_machine(lost)
    ann.leave()
    return egress_id


def check_recovered(bucket, room, tmp_path):
    tones = scene.hears(bucket.download(f"{room}.mp4", tmp_path), 440, bridge=HOLE)
    assert sum(t.length for t in tones) >= 8.0 - JOURNAL_UPLOAD - 0.5, tones


def test_recover_makes_the_recording_of_the_bucket_alone(lone, livekit, bucket, receiver, callers, room, tmp_path):
    lost = lone("lost")
    egress_id = record_and_lose(lost, livekit, bucket, callers, room, metadata={"case": "7"})
    other = lone("other", webhooks=[{"url": receiver.url()}])
    other.stop()
    warm = other.command("recover")
    assert warm.returncode == 1 and "which may live" in warm.stdout, warm
    assert not (other.data_dir / "spool" / egress_id).exists(), "nothing was begun"
    done = other.command("recover", "--force")
    assert done.returncode == 0 and f"{egress_id}  begun" in done.stdout.replace("   ", "  "), done
    check_recovered(bucket, room, tmp_path)
    ended = receiver.wait_for("egress_ended").verified().egress_info
    assert (ended.egress_id, ended.room_name, ended.error) == (egress_id, room, "")
    assert not bucket.journals()
    again = other.command("recover")
    assert again.returncode == 0 and "no recording waits" in again.stdout, again
    other.start()
    found = other.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert found["metadata"] == {"case": "7"}
    assert other.conversations(room)[0]["audio_recording_url"]


def test_recover_asks_the_service_that_runs(lone, livekit, bucket, callers, room, tmp_path):
    lost = lone("lost")
    egress_id = record_and_lose(lost, livekit, bucket, callers, room)
    other = lone("other")
    done = other.command("recover", "--force", egress_id)
    assert done.returncode == 0 and "begun" in done.stdout, done
    other.wait_for_recording(egress_id, "EGRESS_COMPLETE", limit=180)
    check_recovered(bucket, room, tmp_path)
    unknown = other.command("recover", "EG_unknown12345")
    assert unknown.returncode == 1 and "there are no copies" in unknown.stdout, unknown


def test_a_disk_that_is_gone_while_the_records_are_not(lone, livekit, bucket, callers, room, tmp_path):
    service = lone("one")
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 8.0)
    wait_until(lambda: copied_seconds(bucket, egress_id) >= 3, "some of its journal is copied")
    service.kill()
    shutil.rmtree(service.spool(egress_id))
    service.start()
    service.process.wait_for_log("recording.resumed")
    scene.wait_for_packets(service, 20)
    ann.tone(1000, 3.0)
    refused = service.command("recover", "--force", egress_id)
    assert refused.returncode == 1 and "goes on with it" in refused.stdout, "it runs"
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    path = bucket.download(f"{room}.mp4", tmp_path)
    assert sum(t.length for t in scene.hears(path, 440, bridge=HOLE)) >= 8.0 - JOURNAL_UPLOAD - 0.5
    assert abs(sum(t.length for t in scene.hears(path, 1000, bridge=HOLE)) - 3.0) <= 0.5


def test_keys_that_only_write_leave_no_journals_behind(lone, livekit, bucket, callers, room, tmp_path):
    service = lone("writer", storage={"s3": bucket.write_only_config()})
    service.process.wait_for_log("journal.copies_off")
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room, outputs=[{"filepath": f"{room}.mp4"}])
    ann.tone(440, 5.0)
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert [key for key in bucket.journals() if "EG_" in key] == []
    found = service.command("storage", "check")
    assert "journals are not copied" in found.stdout, found


def test_a_job_of_the_bus_goes_on_at_another_worker(
        running, start_livekit, redis, bucket, receiver, callers, room, tmp_path):
    server = start_livekit(redis=redis, webhook_urls=[receiver.url()])
    postgres = running.add(Postgres(tmp_path))
    config = {
        "redis": {"address": redis.address}, "database": postgres.new_database(), "journal_upload": f"{JOURNAL_UPLOAD}s",
        "secrets_key_file": key_file(tmp_path), "storage": {"s3": bucket.config()}}
    workers = []
    for number in range(2):
        own = tmp_path / f"worker{number}"
        own.mkdir()
        workers.append(running.add(Aircheck(own, server=server, port=free_port(), config=config)))
        workers[-1].process.wait_for_log("bus.ready")
    ann = callers.join(server, room, "ann").publish()
    started = scene.use_egress_api(
        server, lambda egress: egress.start_room_composite_egress(scene.guide_request(room, bucket)))
    scene.wait_until_active(server, started.egress_id)
    ann.tone(440, 8.0)
    wait_until(lambda: copied_seconds(bucket, started.egress_id) >= 3, "some of its journal is copied")
    (lost,) = [w for w in workers if w.spool(started.egress_id).exists()]
    (other,) = [w for w in workers if w is not lost]
    lose_machine(lost)
    other.process.wait_for_log("media.connected")
    ann.tone(1000, 3.0)
    assert scene.stop_egress(server, started.egress_id).status == api.EgressStatus.EGRESS_ENDING
    info = receiver.wait_for("egress_ended", limit=120).verified().egress_info
    assert (info.egress_id, info.status, info.error) == (started.egress_id, api.EgressStatus.EGRESS_COMPLETE, "")
    path = bucket.download(info.file_results[0].filename, tmp_path)
    assert sum(t.length for t in scene.hears(path, 440, bridge=HOLE)) >= 8.0 - JOURNAL_UPLOAD - 0.5
    assert abs(sum(t.length for t in scene.hears(path, 1000, bridge=HOLE)) - 3.0) <= 0.5
    told = [d.event for d in receiver.deliveries if d.event.startswith("egress_")]
    assert told.count("egress_started") == told.count("egress_ended") == 1, told
