"""Records in PostgreSQL: moved there and back, and a server that goes away while a call runs."""

import json
import time

import pytest
from support import scene
from support.aircheck import run
from support.postgres import Postgres
from support.process import wait_until
from support.receiver import Receiver

pytestmark = pytest.mark.slow

SAID = 6.0


@pytest.fixture
def postgres(running, tmp_path):
    return running.add(Postgres(tmp_path))


def on(database, service_or_folder, **config):
    """The configuration of a service that keeps its records there, with the keys it had with SQLite."""
    return {"database": database, "secrets_key_file": str(service_or_folder / "data" / "secrets.key"), **config}


def secrets_key(tmp_path):
    """A service's key of secrets, as one makes it for several workers."""
    (tmp_path / "data").mkdir(exist_ok=True)
    path = tmp_path / "data" / "secrets.key"
    path.write_text(bytes(range(32)).hex())
    path.chmod(0o600)


def record(server, aircheck, callers, room, *, while_it_runs=lambda: None):
    ann = callers.join(server, room, "ann").publish()
    egress_id = scene.start_recording(aircheck, room)
    ann.tone(440, SAID / 2)
    while_it_runs()
    ann.tone(440, SAID / 2)
    scene.stop_egress(aircheck, egress_id)
    return egress_id


def test_records_move_to_postgres_and_back(livekit, start_aircheck, postgres, receiver, callers, room, tmp_path):
    hooks = [{"url": receiver.url()}]
    service = start_aircheck(server=livekit, config={"webhooks": hooks})
    egress_id = record(livekit, service, callers, room)
    receiver.wait_for("egress_ended")
    before = service.wait_for_conversation(room, "complete")
    there = postgres.new_database()
    refused = service.command("db", "copy", "--to", there)
    assert refused.returncode == 1 and "data_dir" in refused.stderr, "a service writes to it"
    assert service.command("db", "copy").returncode == 2
    service.stop()
    copied = service.command("db", "copy", "--to", there, "--json")
    assert copied.returncode == 0, copied.stderr
    counts = json.loads(copied.stdout)
    assert (counts["conversations"], counts["recordings"], counts["recording_files"]) == (1, 1, 1)
    assert counts["deliveries"] == len(receiver.deliveries) >= 4
    again = service.command("db", "copy", "--to", there)
    assert again.returncode == 1 and "conversations" in again.stderr and "secret@" not in again.stderr

    moved = start_aircheck(server=livekit, port=service.port, config=on(there, tmp_path, webhooks=hooks))
    assert moved.conversations(room) == [before]
    link = moved.request("GET", before["audio_recording_url"].removeprefix(moved.url))
    assert link.status_code == 200 and link.content
    second = record(livekit, moved, callers, f"{room}-2")
    receiver.wait_for("egress_ended", count=2)
    moved.stop()
    (tmp_path / "back").mkdir()
    back = run("db", "copy", "--from", there, "--to", "back/aircheck.db", folder=tmp_path)
    assert back.returncode == 0, back.stderr
    listed = run("egress", "list", "--json", "--data-dir", "back", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert {json.loads(line)["egress_id"] for line in listed.stdout.splitlines()} == {egress_id, second}
    migrated = run("db", "migrate", "--json", "--config-body", f"database: {there}", folder=tmp_path)
    assert migrated.returncode == 0 and json.loads(migrated.stdout)["schema"] >= 4


@pytest.mark.parametrize("fault", ["restarted", "killed and away for long"])
def test_a_postgres_that_goes_away_in_mid_call(
        livekit, start_aircheck, postgres, receiver, callers, room, tmp_path, fault):
    secrets_key(tmp_path)
    service = start_aircheck(server=livekit, config=on(
        postgres.new_database(), tmp_path, webhooks=[{"url": receiver.url()}]))

    def restart():
        postgres.end()
        callers.join(livekit, room, "bob").publish()  # He comes while nobody can write it down.
        time.sleep(2)
        postgres.start()

    egress_id = record(
        livekit, service, callers, room, while_it_runs=restart if fault == "restarted" else postgres.kill)
    if fault != "restarted":
        # Longer than anything waits for it: the end of the call is not on record yet.
        time.sleep(15)
        assert not receiver.events("egress_ended")
        postgres.start()
    info = receiver.wait_for("egress_ended", limit=120).verified().egress_info
    assert (info.egress_id, info.error) == (egress_id, "")
    told = [(d.event, d.json["id"]) for d in receiver.deliveries]
    assert len(set(told)) == len(told), "nothing twice"
    assert told[0][0] == "egress_started" and told[-1][0] == "egress_ended", "and in order"
    found = service.wait_for_conversation(room, "complete")
    assert [r["egress_id"] for r in found["recordings"]] == [egress_id]
    names = {p["identity"] for p in found["participants"]}
    assert names == ({"ann", "bob"} if fault == "restarted" else {"ann"})
    tones = scene.hears(found["recordings"][0]["files"][0]["location"], 440)
    assert abs(sum(t.length for t in tones) - SAID) <= 0.3
