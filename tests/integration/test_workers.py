"""Four workers on one PostgreSQL, with one livekit-server: each call is recorded once, each delivery made once."""

import socket

import pytest
from support import scene
from support.aircheck import Aircheck
from support.postgres import Postgres
from support.process import free_port, wait_until
from support.receiver import Receiver

pytestmark = pytest.mark.chaos

WORKERS = 4
SAID = 3.0


class Fleet:
    """The workers, and what their database says of deliveries."""

    def __init__(self, running, folder, postgres, server, ports, **config):
        self.postgres = postgres
        self.database = postgres.new_database()
        key = folder / "secrets.key"
        key.write_text(bytes(range(32)).hex())
        key.chmod(0o600)
        self.workers = []
        for number, port in enumerate(ports):
            own = folder / f"worker{number}"
            own.mkdir()
            self.workers.append(running.add(Aircheck(own, server=server, port=port, config={
                "database": self.database, "secrets_key_file": str(key),
                "storage": {"local": {"directory": str(folder / "recordings")}}, **config})))

    def rows(self, question):
        return self.postgres.sql(question, url=self.database)

    def wait_until_all_is_delivered(self):
        wait_until(
            lambda: self.rows("SELECT COUNT(*) FROM deliveries WHERE state <> 'delivered'") == ["0"],
            "nothing is owed any more", limit=240)

    def holders(self):
        """The workers that are sending something just now."""
        ids = self.rows("SELECT DISTINCT lease_worker FROM deliveries WHERE lease_until > 0")
        return [w for w in self.workers if (w.data_dir / "worker").read_text().strip() in ids]


@pytest.fixture
def postgres(running, tmp_path):
    return running.add(Postgres(tmp_path))


def check_what_came(receiver, egress_ids, fleet):
    """Every event of every egress once, and of one egress in order."""
    came = [d.json["id"] for d in receiver.deliveries]
    assert len(came) == len(set(came)), "none twice under one id"
    assert sorted(came) == sorted(fleet.rows("SELECT event_id FROM deliveries")), "all that was owed"
    for egress_id in egress_ids:
        told = [d.event for d in receiver.deliveries if d.json["egressInfo"]["egressId"] == egress_id]
        assert told[0] == "egress_started" and told[-1] == "egress_ended", told
        assert told.count("egress_started") == told.count("egress_ended") == 1
        owed = fleet.rows(f"SELECT event_id FROM deliveries WHERE egress_id = '{egress_id}' ORDER BY seq")
        assert owed == [d.json["id"] for d in receiver.deliveries if d.json["egressInfo"]["egressId"] == egress_id]


def test_each_call_is_recorded_by_one_worker(
        running, start_livekit, postgres, receiver, callers, room, tmp_path):
    ports = [free_port() for _ in range(WORKERS)]
    # Half of them hear of rooms by webhooks, all of them ask LiveKit every few seconds.
    server = start_livekit(webhook_urls=[f"http://127.0.0.1:{port}/webhooks/livekit" for port in ports[:WORKERS // 2]])
    fleet = Fleet(running, tmp_path, postgres, server, ports,
                  auto_record=[scene.RULE], webhooks=[{"url": receiver.url()}])
    rooms = [f"{room}-{number}" for number in range(6)]
    anns = [callers.join(server, name, "ann").publish() for name in rooms]
    egress_ids = [scene.wait_until_recorded(fleet.workers[number % WORKERS], name) for number, name in enumerate(rooms)]
    for ann in anns:
        ann.tone(440, SAID)
    for ann in anns:
        ann.leave()
    receiver.wait_for("egress_ended", count=len(rooms), limit=120)
    fleet.wait_until_all_is_delivered()
    for name, egress_id in zip(rooms, egress_ids):
        conversations = fleet.workers[-1].conversations(name)
        assert [[r["egress_id"] for r in c["recordings"]] for c in conversations] == [[egress_id]]
        assert conversations[0]["status"] == "complete"
        # Six speakers on one machine, which stammer when it is busy.
        assert abs(scene.heard(conversations[0]["recordings"][0]["files"][0]["location"], 440) - SAID) <= 0.5
    check_what_came(receiver, egress_ids, fleet)


def test_what_killed_workers_owed_is_delivered_by_the_others(
        running, livekit, postgres, receiver, callers, room, tmp_path):
    receiver.stop()
    silent = socket.create_server(("127.0.0.1", receiver.port))  # Takes connections and never answers.
    fleet = Fleet(running, tmp_path, postgres, livekit, [free_port() for _ in range(WORKERS)],
                  webhooks=[{"url": receiver.url()}])
    egress_ids = []
    for number, worker in enumerate(fleet.workers):
        ann = callers.join(livekit, f"{room}-{number}", "ann").publish()
        egress_ids.append(scene.start_recording(worker, f"{room}-{number}"))
        ann.tone(440, 0.5)
        scene.stop_egress(worker, egress_ids[-1])
        worker.wait_for_recording(egress_ids[-1], "EGRESS_COMPLETE")
    doomed = wait_until(
        lambda: len(fleet.holders()) >= 2 and fleet.holders()[:2], "two workers are sending", limit=120)
    for worker in doomed:
        worker.kill()
    silent.close()
    again = running.add(Receiver(port=receiver.port))
    fleet.wait_until_all_is_delivered()
    check_what_came(again, egress_ids, fleet)
    assert all(w.process.is_running() for w in fleet.workers if w not in doomed)
