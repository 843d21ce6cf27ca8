"""An operator's config.yaml for livekit/egress, as its README and its Helm chart have it, starts `aircheck serve`."""

import json
import re

import pytest
import requests
from livekit import api
from support import scene
from support.aircheck import binary
from support.livekit import KEY, SECRET
from support.process import Process, free_port, is_listening, wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

# Every section of the README's example that a file can have at once (and two keys of storage that it does not name), and the
# warnings that are due.
README = """
api_key: {key}
api_secret: {secret}
ws_url: {ws_url}
redis:
  address: {redis}
  db: 0

health_port: {health}
template_port: 7980
prometheus_port: {prometheus}
debug_handler_port: 0
logging:
  level: debug
  json: true
template_base: http://localhost:7980/
backup_storage: /mnt/backup
enable_chrome_sandbox: true
cpu_cost:
  room_composite_cpu_cost: 3.0
  audio_room_composite_cpu_cost: 1.0
  sdk_audio_room_composite_cpu_cost: 0.5
  sdk_audio_room_composite_memory_cost: 1.0
  web_cpu_cost: 3.0
  track_composite_cpu_cost: 2.0
  track_cpu_cost: 1.0
session_limits:
  file_output_max_duration: 1h
  stream_output_max_duration: 90m
  segment_output_max_duration: 3h

storage:
  prefix: team
  generate_presigned_url: true
  s3: {store}

insecure: true
debug:
  enable_profiling: true
"""
OF_THE_README = {
    "template_port", "debug_handler_port", "template_base", "backup_storage", "enable_chrome_sandbox", "insecure",
    "cpu_cost.room_composite_cpu_cost", "cpu_cost.audio_room_composite_cpu_cost",
    "cpu_cost.sdk_audio_room_composite_cpu_cost", "cpu_cost.sdk_audio_room_composite_memory_cost",
    "cpu_cost.web_cpu_cost", "cpu_cost.track_composite_cpu_cost", "cpu_cost.track_cpu_cost",
    "storage.s3.aws_log_level", "debug (enable_profiling)"}

OF_THE_READMES_STORE = {
    "max_retries": 3, "max_retry_delay": "5s", "min_retry_delay": "500ms", "aws_log_level": "LogOff",
    "proxy_config": {"url": "", "username": "", "password": ""}}

# What the chart makes of its sample: the store is still at the top level.
CHART = """
api_key: {key}
api_secret: {secret}
enable_chrome_sandbox: true
health_port: {health}
log_level: info
prometheus_port: {prometheus}
redis:
  address: {redis}
s3: {store}
ws_url: {ws_url}
"""
OF_THE_CHART = {"enable_chrome_sandbox", "log_level", "s3 (endpoint, bucket, access_key, secret, region, force_path_style)"}


class Worker:
    """`aircheck serve` started as a container of livekit/egress would be."""

    def __init__(self, folder, text, health, *, how):
        self.health = health
        file = folder / "config.yaml"
        file.write_text(text)
        command, env = [binary(), "serve"], {"AIRCHECK_HTTP__BIND": f"127.0.0.1:{free_port()}"}
        if how == "--config":
            command += ["--config", file]
        else:
            env[how] = text if how == "EGRESS_CONFIG_BODY" else str(file)
        self.process = Process("aircheck", command, folder=folder, env=env)
        self.process.wait_until(lambda: is_listening("127.0.0.1", health), "has no health port")
        self.process.wait_until(lambda: "bus.ready" in self.process.log.read_text(), "is not on the bus")

    def warned_of(self):
        """The keys that it names, each with the reason cut off."""
        found = re.findall(r"(?:config\.yaml|EGRESS_CONFIG_BODY):\d+: (.+?) (?:has no|is not|is an)", self.process.log.read_text())
        return sorted(found)

    def stop(self):
        return self.process.stop(60.0)


@pytest.mark.parametrize("how, example, warned", [
    ("--config", README, OF_THE_README),
    ("EGRESS_CONFIG_FILE", README, OF_THE_README),
    ("EGRESS_CONFIG_BODY", README, OF_THE_README),
    ("EGRESS_CONFIG_BODY", CHART, OF_THE_CHART),
], ids=["readme", "readme as file", "readme as body", "chart"])
def test_an_operators_configuration_is_taken_as_it_is(
        how, example, warned, start_livekit, redis, bucket, callers, room, running, tmp_path):
    livekit = start_livekit(redis=redis)
    store = {**bucket.config(), **(OF_THE_READMES_STORE if example is README else {})}
    health, prometheus = free_port(), free_port()
    worker = running.add(Worker(tmp_path, example.format(
        key=KEY, secret=SECRET, ws_url=livekit.url, redis=redis.address, health=health, prometheus=prometheus,
        store=json.dumps(store)), health, how=how))
    assert worker.warned_of() == sorted(warned)
    assert "CpuLoad" in requests.get(f"http://127.0.0.1:{health}/", timeout=30).json()
    assert "aircheck_recordings_active 0" in requests.get(f"http://127.0.0.1:{prometheus}/metrics", timeout=30).text

    ann = callers.join(livekit, room, "ann").publish()
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath="calls/{room_name}.ogg"))
    started = scene.use_egress_api(livekit, lambda egress: egress.start_room_composite_egress(request))
    scene.wait_until_active(livekit, started.egress_id)
    ann.tone(440, 2.0)
    scene.stop_egress(livekit, started.egress_id)
    (key,) = wait_until(bucket.keys, "the recording is in the configured bucket")
    assert key == f"team/calls/{room}.ogg" if example is README else f"calls/{room}.ogg"
    assert len(scene.hears(bucket.download(key, tmp_path), 440)) == 1
    def ended():
        answer = scene.use_egress_api(livekit, lambda e: e.list_egress(api.ListEgressRequest(egress_id=started.egress_id)))
        return answer.items[0] if answer.items[0].status == api.EgressStatus.EGRESS_COMPLETE else None
    location = wait_until(ended, "livekit-server has it as complete").file_results[0].location
    assert ("X-Amz-Signature=" in location) == (example is README)
    if example is README:
        played = tmp_path / "played.ogg"
        played.write_bytes(requests.get(location, timeout=30).content)
        assert len(scene.hears(played, 440)) == 1
    assert worker.stop() == 0
