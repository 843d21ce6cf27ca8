"""Recordings in Azure Blob Storage and Google Cloud Storage, and in S3 by a role: configured, by a request, by a link, after an outage."""

import json
import uuid

import pytest
import requests
from livekit import api
from support import scene
from support.aircheck import TOKEN, run
from support.azurite import ACCOUNT, KEY, Azurite
from support.gcs import FakeGcs, GcsServer

pytestmark = pytest.mark.slow  # for the time that `make test` has


@pytest.fixture
def azurite(running, tmp_path):
    return running.add(Azurite(tmp_path))


@pytest.fixture
def container(azurite):
    return azurite.make_container(f"calls-{uuid.uuid4().hex[:8]}")


def record(service, callers, livekit, room, request, tone=440):
    """One recording of one tone, from the request to its end; its id."""
    ann = callers.join(livekit, room, "ann").publish()
    started = scene.use_egress_api(service, lambda egress: egress.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    ann.tone(tone, 2.0)
    scene.stop_egress(service, started.egress_id)
    ann.leave()
    return started


def request_for(room, filepath, **store):
    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True)
    request.file_outputs.append(api.EncodedFileOutput(filepath=filepath, **store))
    return request


def test_the_configured_container_has_the_recording_and_a_link_opens_it(
        livekit, start_aircheck, container, callers, room, tmp_path):
    service = start_aircheck(server=livekit, config={"storage": {"prefix": "team", "azure": container.config()}})
    started = record(service, callers, livekit, room, request_for(room, "{room_name}.mp4"))
    recording = service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    key = f"team/{room}.mp4"
    assert key in container.keys()
    assert len(scene.hears(container.download(key, tmp_path), 440)) == 1
    about = container.properties(key)
    assert about.content_settings.content_type == "video/mp4"
    assert about.metadata == {"egress_id": started.egress_id}
    assert recording["files"][0]["location"] == f"{container.azurite.endpoint}/{container.name}/{key}"

    link = service.get(f"/api/v1/recordings/{started.egress_id}/url?ttl=60")["url"]
    assert KEY not in link
    opened = requests.get(link, timeout=30)
    assert opened.status_code == 200 and opened.content == (tmp_path / f"{room}.mp4").read_bytes()
    assert requests.get(link.replace("sig=", "sig=x"), timeout=30).status_code == 403
    kept = service.data_dir.joinpath("aircheck.db").read_bytes() + service.process.log.read_bytes()
    assert KEY.encode() not in kept


def test_a_requests_own_container(livekit, start_aircheck, container, callers, room, tmp_path):
    # Its account is the configured one, which is where the endpoint is from; the key is its own.
    elsewhere = {**container.config(), "container_name": "elsewhere"}
    service = start_aircheck(server=livekit, config={"storage": {"azure": elsewhere}})
    store = api.AzureBlobUpload(account_name=ACCOUNT, account_key=KEY, container_name=container.name)
    started = record(service, callers, livekit, room, request_for(room, "a/{room_name}.ogg", azure=store))
    service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    assert f"a/{room}.ogg" in container.keys()
    (output,) = started.room_composite.file_outputs
    assert (output.azure.account_name, output.azure.account_key) == ("{account_name}", "{account_key}")
    assert output.azure.container_name == container.name


def test_what_azure_refused_is_sent_once_it_takes_it(livekit, start_aircheck, container, callers, room, tmp_path):
    container.delete()
    service = start_aircheck(server=livekit, config={"storage": {"azure": container.config()}})
    started = record(service, callers, livekit, room, request_for(room, "{room_name}.mp4"))
    failed = service.wait_for_recording(started.egress_id, "EGRESS_FAILED", limit=120.0)
    assert container.name in failed["error"] and "no such container" in failed["error"]
    container.azurite.client.create_container(container.name)
    (tmp_path / "later.yaml").write_text(json.dumps(
        {"data_dir": str(service.data_dir), "storage": {"azure": container.config()}}))
    done = run("egress", "upload", started.egress_id, "--config", "later.yaml", folder=tmp_path, server=livekit,
               env={"AIRCHECK_HTTP__BIND": f"127.0.0.1:{service.port}", "AIRCHECK_TOKEN": TOKEN})
    assert done.returncode == 0, done.stderr
    assert len(scene.hears(container.download(f"{room}.mp4", tmp_path), 440)) == 1


def test_record_into_a_container_and_doctors_word_on_it(livekit, container, callers, room, tmp_path):
    env = {"AZURE_STORAGE_CONNECTION_STRING": container.azurite.connection_string,
           "AZURE_STORAGE_CONTAINER": container.name}
    done = run("doctor", "--json", folder=tmp_path, server=livekit, env=env)
    (storage,) = [f for line in done.stdout.splitlines() if (f := json.loads(line))["check"] == "storage"]
    assert storage["status"] == "ok", storage
    for step in ("written", "in parts", "read", "opened by a signed link", "listed", "deleted"):
        assert step in storage["detail"]
    assert container.keys() == []

    wrong = run("doctor", "--json", folder=tmp_path, server=livekit,
                env={**env, "AZURE_STORAGE_CONTAINER": "no-such-container"})
    (storage,) = [f for line in wrong.stdout.splitlines() if (f := json.loads(line))["check"] == "storage"]
    assert wrong.returncode == 1 and storage["status"] == "error"
    assert "AZURE_STORAGE_CONTAINER" in storage["setting"] and KEY not in wrong.stdout + wrong.stderr


def test_google_cloud_storage_has_the_recording_and_a_link_opens_it(
        livekit, start_aircheck, running, callers, room, tmp_path):
    gcs = running.add(GcsServer(tmp_path))
    service = start_aircheck(server=livekit, config={"storage": {"prefix": "team", "gcp": gcs.config()}})
    started = record(service, callers, livekit, room, request_for(room, "{room_name}.mp4"))
    recording = service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    key = f"team/{room}.mp4"
    objects = gcs.objects()
    assert key in objects.keys()
    assert len(scene.hears(objects.download(key, tmp_path), 440)) == 1
    about = objects.about(key)
    assert (about["contentType"], about["metadata"]) == ("video/mp4", {"egress-id": started.egress_id})
    assert recording["files"][0]["location"] == f"{gcs.endpoint}/{gcs.bucket}/{key}"
    link = service.get(f"/api/v1/recordings/{started.egress_id}/url?ttl=60")["url"]
    opened = requests.get(link, timeout=30)
    assert opened.status_code == 200 and opened.content == (tmp_path / f"{room}.mp4").read_bytes()
    assert requests.get(link.replace("X-Goog-Expires=60", "X-Goog-Expires=99"), timeout=30).status_code == 403
    kept = service.data_dir.joinpath("aircheck.db").read_bytes() + service.process.log.read_bytes()
    assert b"PRIVATE KEY" not in kept


def test_a_requests_own_google_bucket_on_fake_gcs_server(livekit, start_aircheck, running, callers, room, tmp_path):
    # fake-gcs-server takes every token; ours, which the request's key names, gives none to a stranger.
    gcs, fake = running.add(GcsServer(tmp_path)), running.add(FakeGcs(tmp_path, "theirs"))
    service = start_aircheck(server=livekit, config={
        "storage": {"gcp": {**gcs.config(), "endpoint": fake.endpoint}}, "network": {"allow": ["127.0.0.0/8"]}})
    store = api.GCPUpload(bucket="theirs", credentials=gcs.credentials)
    started = record(service, callers, livekit, room, request_for(room, "a/{room_name}.ogg", gcp=store))
    service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    key = f"a/{room}.ogg"
    assert key in fake.objects().keys()
    assert len(scene.hears(fake.objects().download(key, tmp_path), 440)) == 1
    assert fake.objects().about(key)["metadata"] == {"egress-id": started.egress_id}
    (output,) = started.room_composite.file_outputs
    assert (output.gcp.bucket, output.gcp.credentials) == ("theirs", "{credentials}")


def test_doctor_says_what_an_account_that_only_creates_cannot_do(livekit, running, room, tmp_path):
    denied = ("storage.multipartUploads.abort", "storage.objects.get", "storage.objects.list", "storage.objects.delete")
    gcs = running.add(GcsServer(tmp_path, deny=denied))
    env = {"GCP_BUCKET": gcs.bucket, "GCP_CREDENTIALS_JSON": gcs.credentials,
           "AIRCHECK_STORAGE__GCP__ENDPOINT": gcs.endpoint}
    done = run("doctor", "--json", folder=tmp_path, server=livekit, env=env)
    found = [f for line in done.stdout.splitlines() if (f := json.loads(line))["check"] == "storage"]
    assert [f["status"] for f in found] == ["warning"] * 4 + ["ok"], found
    for finding, right in zip(found, denied):
        assert right in finding["detail"] and right in finding["remedy"]
    assert "PRIVATE KEY" not in done.stdout + done.stderr


def test_s3_by_an_assumed_role(livekit, start_aircheck, bucket, callers, room, tmp_path):
    role = {"assume_role_arn": "arn:aws:iam::123456789012:role/writer", "assume_role_external_id": "ours-and-secret"}
    service = start_aircheck(server=livekit, config={"storage": {"s3": {**bucket.config(), **role}}})
    started = record(service, callers, livekit, room, request_for(room, "{room_name}.mp4"))
    service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")
    assert len(scene.hears(bucket.download(f"{room}.mp4", tmp_path), 440)) == 1
    link = service.get(f"/api/v1/recordings/{started.egress_id}/url?ttl=60")["url"]
    assert "X-Amz-Security-Token=" in link and requests.get(link, timeout=30).status_code == 200
    kept = service.data_dir.joinpath("aircheck.db").read_bytes() + service.process.log.read_bytes()
    assert b"ours-and-secret" not in kept
