"""Who sees what over REST, and what links give away."""

import requests
from livekit import api
from support import scene
from support.aircheck import run
from support.livekit import KEY, SECRET


def token_of(room, **grants):
    return api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room=room, **grants)).to_jwt()


def recorded(service, server, callers, room):
    """A finished recording of `room`, and its conversation."""
    ann = callers.join(server, room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 0.5)
    scene.stop_egress(service, egress_id)
    service.wait_for_recording(egress_id, "EGRESS_COMPLETE")
    return egress_id, service.wait_for_conversation(room, "complete")


def test_a_token_of_one_room_reads_that_room_alone(livekit, start_aircheck, callers, room):
    service = start_aircheck(server=livekit)
    other = f"{room}-other"
    mine, conversation = recorded(service, livekit, callers, room)
    theirs, hidden = recorded(service, livekit, callers, other)
    token = token_of(room, room_admin=True)
    ids = [c["conversation_id"] for c in service.get("/api/v1/conversations", token=token)["conversations"]]
    assert ids == [conversation["conversation_id"]]
    assert service.get(f"/api/v1/conversations/{ids[0]}", token=token)["room_name"] == room
    assert service.get(f"/api/v1/recordings/{mine}", token=token)["egress_id"] == mine

    def status(method, path, grants=token, **options):
        answer = service.request(method, path, token=grants, **options)
        assert "audio_recording_url" not in answer.text and "/r/" not in answer.text
        return answer.status_code
    assert status("GET", f"/api/v1/conversations?room_name={other}") == 403
    assert status("GET", f"/api/v1/conversations/{hidden['conversation_id']}") == 404
    assert status("GET", f"/api/v1/recordings/{theirs}") == 404
    assert status("GET", f"/api/v1/recordings/{theirs}/url") == 404
    recorder = token_of(room, room_record=True)
    assert status("POST", f"/api/v1/recordings/{theirs}/revoke", recorder) == 404
    assert status("PATCH", f"/api/v1/conversations/{hidden['conversation_id']}", recorder, json={"metadata": {}}) == 404
    assert status("POST", "/api/v1/recordings", recorder, json={"room_name": other, "audio_only": True}) == 403
    everything = service.get("/api/v1/conversations", token=token_of(None, room_list=True))["conversations"]
    assert {c["room_name"] for c in everything} == {room, other}


def test_a_link_into_a_bucket_also_answers_head_and_ends_with_its_revocation(
        livekit, start_aircheck, callers, bucket, room):
    service = start_aircheck(server=livekit, config={"storage": {"s3": bucket.config()}})
    egress_id, conversation = recorded(service, livekit, callers, room)
    link = conversation["audio_recording_url"]
    whole, head = requests.get(link, timeout=30), requests.head(link, timeout=30, allow_redirects=True)
    assert (whole.status_code, head.status_code) == (200, 200)
    assert int(head.headers["content-length"]) == len(whole.content)
    service.stop()

    for urls in ("location", "signed"):
        again = start_aircheck(server=livekit, config={
            "storage": {"s3": bucket.config()}, "recording_urls": urls, "data_dir": str(service.data_dir)})
        if urls == "location":
            assert again.conversations(room)[0]["audio_recording_url"].startswith(bucket.minio.endpoint)
            assert again.request("POST", f"/api/v1/recordings/{egress_id}/revoke").ok
        assert again.conversations(room)[0]["audio_recording_url"] is None, urls
        done = again.command("conversations", "url", conversation["conversation_id"])
        assert (done.returncode, done.stdout) == (1, ""), urls
        again.stop()


def test_days_limit_a_list(start_aircheck):
    service = start_aircheck()
    for query in ("from=2026-11-22", "from=2026-11-22&to=2026-11-23T00:00:00Z"):
        assert service.get(f"/api/v1/conversations?{query}") == {"conversations": [], "next_cursor": None}
    for query in ("from=2026-11-32", "to=yesterday"):
        answer = service.request("GET", f"/api/v1/conversations?{query}")
        assert answer.status_code == 400 and query.split("=")[0] in answer.json()["detail"]


def test_doctor_asks_a_rules_receiver_too(receiver, tmp_path):
    receiver.head_status = 502
    (tmp_path / "aircheck.yaml").write_text(
        f'{{"auto_record": [{{"rooms": "*", "webhooks": [{{"url": "{receiver.url("/rule")}"}}]}}]}}')
    done = run("doctor", "--json", "-c", "aircheck.yaml", folder=tmp_path)
    (line,) = [line for line in done.stdout.splitlines() if '"webhook"' in line]
    assert '"warning"' in line and "502" in line and "auto_record" in line
