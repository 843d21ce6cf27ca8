"""What is typed into a terminal, besides `aircheck record`."""

import http.server
import json
import re
import threading

import pytest
import requests
from livekit import api
from support import media, scene
from support.aircheck import TOKEN, run
from support.livekit import KEY, SECRET
from support.process import wait_until

HIDDEN = ["the-api-secret-0123456789abcdef", "the-store-secret", "the-admin-token", "the-header", "pass-of-the-url"]


def test_the_demo_ends_with_a_file_that_plays(tmp_path):
    done = run("demo", "--once", "--length", "8s", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout[done.stdout.index("{"):done.stdout.rindex("}") + 1])
    assert record["status"] == "complete" and record["audio_recording_url"].startswith("http://127.0.0.1:")
    assert {p["kind"] for p in record["participants"]} == {"AGENT", "STANDARD"}
    (file,) = record["recordings"][0]["files"]
    assert file["location"] in done.stdout
    samples = media.decode(file["location"])
    assert abs(len(samples) / media.RATE - record["duration"]) <= 0.03
    assert 7.0 <= record["duration"] <= 30.0
    quiet = sum(i.length for i in media.silence_intervals(samples))
    assert quiet < 0.8 * record["duration"], "they speak"


def test_print_config_masks_secrets_and_says_where_each_value_comes_from(tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({
        "ws_url": "wss://lk.example", "api_key": "devkey", "api_secret": HIDDEN[0],
        "storage": {"s3": {"bucket": "calls", "access_key": "AK", "secret": HIDDEN[1]}},
        "webhooks": [{"url": f"https://me:{HIDDEN[4]}@n8n.example/x", "headers": {"X-Key": HIDDEN[3]}}],
    }))
    (tmp_path / ".env").write_text("AWS_REGION=eu-north-1\nLIVEKIT_API_KEY=from-env-file\n")
    done = run("serve", "--print-config", "--config", "aircheck.yaml", "--bind", "127.0.0.1:7991", folder=tmp_path,
               env={"AIRCHECK_TOKEN": HIDDEN[2], "AIRCHECK_JOURNAL_KEEP": "2h"})
    assert done.returncode == 0, done.stderr
    for secret in HIDDEN:
        assert secret not in done.stdout + done.stderr
    lines = {line.split(":")[0].strip(): line for line in done.stdout.splitlines() if ":" in line}
    assert "aircheck.yaml:1" in lines["api_secret"]
    assert "127.0.0.1:7991" in lines["bind"] and "--bind" in lines["bind"]
    assert "2h" in lines["journal_keep"] and "AIRCHECK_JOURNAL_KEEP" in lines["journal_keep"]
    assert "eu-north-1" in lines["region"] and ".env" in lines["region"]
    assert "devkey" in lines["api_key"], "the YAML file wins over general variables"


def test_doctor_finds_what_is_wrong(livekit, bucket, receiver, tmp_path):
    def doctor(**config):
        (tmp_path / "aircheck.yaml").write_text(json.dumps({
            "ws_url": livekit.url, "api_key": KEY, "api_secret": SECRET, "data_dir": str(tmp_path / "data"),
            "storage": {"s3": bucket.config()}, "webhooks": [{"url": receiver.url()}], "auto_record": [scene.RULE],
            **config}))
        done = run("doctor", "--json", "--config", "aircheck.yaml", folder=tmp_path)
        assert SECRET not in done.stdout and scene.SECRET_KEY not in done.stdout
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {f["check"]: f for f in findings if f["status"] != "ok"}, findings

    status, wrong, findings = doctor()
    assert (status, wrong) == (0, {}), findings
    assert {f["check"] for f in findings} >= {"configuration", "livekit", "storage", "spool", "database", "webhook"}
    assert bucket.keys() == [], "what was tried is gone again"

    status, wrong, _ = doctor(api_secret="wrong-secret-0123456789-0123456789-01")
    assert status == 1 and "LIVEKIT_API_SECRET" in wrong["livekit"]["setting"] and wrong["livekit"]["remedy"]
    status, wrong, _ = doctor(storage={"s3": {**bucket.config(), "bucket": "no-such-bucket"}})
    assert status == 1 and "no-such-bucket" in wrong["storage"]["detail"]
    assert "bucket" in wrong["storage"]["setting"] and "PutObject" not in wrong["storage"]["remedy"]
    status, wrong, _ = doctor(storage={"s3": {**bucket.config(), "secret": "not-the-secret"}})
    assert status == 1 and wrong["storage"]["status"] == "error" and "(secret)" in wrong["storage"]["detail"]
    status, wrong, _ = doctor(ws_url="ws://127.0.0.1:9")
    assert status == 1 and "127.0.0.1:9" in wrong["livekit"]["detail"]
    receiver.stop()
    status, wrong, _ = doctor()
    assert status == 1 and str(receiver.port) in wrong["webhook"]["detail"]
    status, wrong, _ = doctor(webhooks=[], auto_record=[])
    assert (status, wrong["auto_record"]["status"]) == (0, "warning"), "warnings alone do not fail"


def test_doctor_asks_redis(redis, tmp_path):
    def doctor(**config):
        (tmp_path / "aircheck.yaml").write_text(json.dumps({"redis": {"address": redis.address, **config}}))
        done = run("doctor", "--json", "--config", "aircheck.yaml", folder=tmp_path)
        findings = {f["check"]: f for f in map(json.loads, done.stdout.splitlines())}
        assert findings["configuration"]["setting"] == "redis", "it needs LiveKit's keys"
        return findings["redis"]

    assert doctor()["status"] == "ok" and redis.address in doctor()["detail"]
    wrong = doctor(password="not-the-password")
    assert wrong["status"] == "error" and "redis.password" in wrong["setting"] and wrong["remedy"]
    assert "AUTH" in wrong["detail"] and "not-the-password" not in str(wrong)
    assert doctor(db=99)["setting"] == "redis.db"
    assert "redis.tls" in doctor(use_tls=True, dial_timeout=2000)["setting"]
    redis.kill()
    gone = doctor()
    assert gone["status"] == "error" and gone["setting"] == "redis.address", gone
    assert redis.address in gone["detail"] and "refused" in gone["detail"]


class WebServer:
    """Answers all that is posted to it with one page."""

    def __init__(self, status, page):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("status, page", [(200, "<title>It works</title>\n\x1b[2Jhello"), (404, "nothing here")])
def test_a_server_that_is_not_livekit_is_named_as_such(running, tmp_path, status, page):
    url = running.add(WebServer(status, page)).url
    env = {"LIVEKIT_URL": url.replace("http", "ws"), "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    done = run("record", "x", folder=tmp_path, env=env)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    for words in (done.stderr, run("doctor", folder=tmp_path, env=env).stdout):
        assert "does not look like LiveKit" in words and f"HTTP {status}" in words and "LIVEKIT_URL" in words, words
        assert "\x1b" not in words and "<" not in words and page[-5:] in words


def test_doctor_says_what_keys_that_only_write_cannot_do(bucket, receiver, tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({"storage": {"s3": bucket.write_only_config()}}))
    done = run("doctor", "--json", "--config", "aircheck.yaml", folder=tmp_path)
    storage = [f for line in done.stdout.splitlines() if (f := json.loads(line))["check"] == "storage"]
    assert [f["status"] for f in storage] == ["warning"] * 4 + ["ok"], storage
    for finding, right in zip(storage, ("AbortMultipartUpload", "GetObject", "ListBucket", "DeleteObject")):
        assert right in finding["detail"] and right in finding["remedy"]
    assert "will not open" in storage[1]["remedy"]


def test_the_store_alone_by_its_own_command_and_as_the_service_starts(start_aircheck, livekit, bucket, tmp_path):
    (tmp_path / "good.yaml").write_text(json.dumps({"storage": {"s3": bucket.config()}}))
    done = run("storage", "check", "--json", "--config", "good.yaml", folder=tmp_path)
    only, journals = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0 and (only["check"], only["status"]) == ("storage", "ok"), done.stdout
    assert (journals["check"], journals["status"]) == ("journals", "ok"), done.stdout
    for step in ("written", "in parts", "taken back", "read", "opened by a signed link", "listed", "deleted"):
        assert step in only["detail"]
    wrong = {**bucket.config(), "secret": "not-the-secret"}
    (tmp_path / "wrong.yaml").write_text(json.dumps({"storage": {"s3": wrong}}))
    done = run("storage", "check", "--config", "wrong.yaml", folder=tmp_path)
    assert done.returncode == 1 and "(secret)" in done.stdout

    service = start_aircheck(server=livekit, config={"storage": {"s3": wrong}})
    service.process.wait_until(lambda: "storage.refused" in service.process.log.read_text(), "says so")
    service.stop()
    service = start_aircheck(server=livekit, config={"storage": {"s3": bucket.config()}})
    service.process.wait_until(lambda: "storage.ready" in service.process.log.read_text(), "says so")
    assert bucket.keys() == []


def test_records_from_the_terminal(livekit, start_aircheck, callers, room, tmp_path):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    env = {"AIRCHECK_DATA_DIR": str(service.data_dir), "AIRCHECK_HTTP__BIND": f"127.0.0.1:{service.port}",
           "AIRCHECK_TOKEN": TOKEN}

    def aircheck(*arguments, status=0):
        done = run(*arguments, folder=tmp_path, server=livekit, env=env)
        assert done.returncode == status, done.stderr
        return done.stdout
    (listed,) = [json.loads(line) for line in aircheck("egress", "list", "--json").splitlines()]
    assert (listed["egress_id"], listed["status"]) == (egress_id, "EGRESS_ACTIVE")
    ann.tone(440, 0.5)
    aircheck("egress", "stop", egress_id)
    recording = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert json.loads(aircheck("egress", "show", egress_id, "--json")) == recording
    assert egress_id in aircheck("egress", "list")
    service.wait_for_conversation(room, "complete")
    (conversation,) = [json.loads(line) for line in aircheck("conversations", "list", "--json").splitlines()]
    assert conversation["room_name"] == room and conversation["recordings"] == [recording]
    assert json.loads(aircheck("conversations", "show", conversation["conversation_id"], "--json")) == conversation
    link = aircheck("conversations", "url", conversation["conversation_id"]).strip()
    assert link == conversation["audio_recording_url"] and requests.get(link, timeout=30).ok
    aircheck("egress", "show", "EG_nothere", status=1)
    aircheck("egress", "stop", egress_id, status=1)


def test_a_link_is_permanent_until_it_is_revoked(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 1.0)
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    link = service.wait_for_conversation(room, "complete")["audio_recording_url"]
    service.stop()
    service.start()
    whole = requests.get(link, timeout=30)
    assert whole.status_code == 200 and whole.headers["content-type"] == "video/mp4"
    part = requests.get(link, timeout=30, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, whole.content[4:8])
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    assert requests.get(link + "x", timeout=30).status_code == 404
    assert requests.get(re.sub(r"\?k=.*", "", link), timeout=30).status_code == 404
    assert service.get(f"/api/v1/recordings/{egress_id}/url") == {"url": link, "expires_at": None}
    assert service.request("POST", f"/api/v1/recordings/{egress_id}/revoke").ok
    assert requests.get(link, timeout=30).status_code == 410
    gone = service.request("GET", f"/api/v1/recordings/{egress_id}/url")
    assert (gone.status_code, gone.headers["content-type"]) == (410, "application/problem+json"), gone.text
    assert gone.json()["status"] == 410 and "revoked" in gone.json()["detail"]
    assert service.conversations(room)[0]["audio_recording_url"] is None


@pytest.mark.parametrize("meanwhile", ["with the service running", "with the service down"])
def test_an_upload_that_had_failed_is_made_up_for_and_told(
        livekit, start_aircheck, receiver, bucket, callers, room, tmp_path, meanwhile):
    bucket.minio.client.delete_bucket(Bucket=bucket.name)
    service = start_aircheck(server=livekit, config={
        "webhooks": [{"url": receiver.url()}], "storage": {"s3": bucket.config()},
        "session_limits": {"file_output_max_duration": "2s"}, "network": {"allow": ["127.0.0.0/8"]}})
    ann = callers.join(livekit, room, "ann").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath="x.mp4"))
    request.webhooks.append(api.WebhookConfig(url=receiver.url("/own"), signing_key=scene.KEY))
    egress_id = scene.use_egress_api(service, lambda e: e.start_room_composite_egress(request)).egress_id
    scene.wait_until_active(service, egress_id)
    saying = ann.start_tone(440, 30.0)
    told = receiver.wait_for("egress_ended", path="/own", limit=180).verified().egress_info
    saying.cancel()
    assert (told.status, told.details) == (api.EgressStatus.EGRESS_FAILED, "End reason: Session limit reached")
    assert receiver.wait_for("egress_ended").verified().egress_info.status == api.EgressStatus.EGRESS_FAILED
    assert service.conversations(room)[0]["audio_recording_url"] is None
    if meanwhile == "with the service down":
        service.stop()

    bucket.minio.client.create_bucket(Bucket=bucket.name)
    done = service.command("egress", "upload", egress_id)
    assert done.returncode == 0, done.stderr
    (key,) = bucket.keys()
    assert done.stdout.strip().endswith(f"{bucket.name}/{key}")

    def mended(path):
        infos = [d.verified().egress_info for d in receiver.events("egress_updated", path)]
        return [i for i in infos if i.status == api.EgressStatus.EGRESS_LIMIT_REACHED]
    for path in ("/webhook", "/own"):
        (info,) = wait_until(lambda path=path: mended(path), f"{path} is told that it is there")
        assert (info.egress_id, info.file_results[0].location) == (egress_id, done.stdout.strip())
        assert info.details == "End reason: Session limit reached" and "kept in" not in info.error
        assert len(receiver.events("egress_ended", path)) == 1, "the end is told once"
    if meanwhile == "with the service down":
        service.start()
    recording = service.get(f"/api/v1/recordings/{egress_id}")
    assert (recording["status"], recording["files"][0]["location"]) == ("EGRESS_LIMIT_REACHED", done.stdout.strip())
    (conversation,) = service.conversations(room)
    played = tmp_path / "played.mp4"
    played.write_bytes(requests.get(conversation["audio_recording_url"], timeout=30).content)
    assert len(scene.hears(played, 440)) == 1, "the link plays"
    assert not (service.spool(egress_id) / "recording.mp4").exists() and (service.spool(egress_id) / "done").exists()
    assert service.command("egress", "upload", egress_id).returncode == 1, "there is nothing left to send"


def test_metrics_and_probes_say_what_goes_on(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)

    def metric(name):
        values = [line.split()[-1] for line in service.metrics().splitlines() if re.match(rf"{name}(\{{|\s)", line)]
        assert values, f"{name} is not there:\n{service.metrics()}"
        return sum(map(float, values))
    assert requests.get(f"{service.url}/healthz", timeout=30).ok
    ann = callers.join(livekit, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 2.5)
    assert metric("aircheck_recordings_active") == 1
    assert metric("aircheck_packets_received_total") > 50
    assert metric("aircheck_bytes_written_total") > 1000
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    assert metric("aircheck_recordings_active") == 0
    assert metric(r'aircheck_recordings\{status="EGRESS_COMPLETE"\}') == 1
    assert metric("aircheck_join_stage_seconds_count") >= 4
    livekit.stop()  # readiness is about what a new recording needs of us, not of others
    assert requests.get(f"{service.url}/healthz", timeout=30).ok


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_and_version(tmp_path, shell):
    assert "record" in run("completion", shell, folder=tmp_path).stdout
    assert re.fullmatch(r"aircheck \d+\.\d+\.\d+\n", run("--version", folder=tmp_path).stdout)


def test_it_refuses_to_serve_the_world_without_a_secret(tmp_path):
    done = run("serve", "--bind", "0.0.0.0:18499", folder=tmp_path)
    assert done.returncode == 2
    assert "http.bind" in done.stderr or "http.tokens" in done.stderr or "AIRCHECK_TOKEN" in done.stderr, done.stderr
