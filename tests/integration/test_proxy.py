"""aircheck in front of LiveKit (`http.forward`): one URL for rooms, room service, agents and egress."""

import asyncio
import json
import socket
import threading
import time

import aiohttp
import pytest
import requests
from google.protobuf import json_format
from livekit import api, rtc
from livekit.protocol import agent, agent_dispatch
from support import scene
from support.livekit import KEY, SECRET
from support.process import free_port, wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has


class OneUrl:
    """What callers are given instead of the server: aircheck's own address."""

    def __init__(self, service, livekit):
        self.direct_url = service.url.replace("http://", "ws://")
        self.token = livekit.token


@pytest.fixture
def service(livekit, start_aircheck):
    return start_aircheck(server=livekit, config={"http": {"forward": True}})


@pytest.fixture
def one_url(service, livekit):
    return OneUrl(service, livekit)


def use_api(service, method, *, key=KEY, secret=SECRET):
    """Runs `await method(api)` on LiveKit's API client, pointed at aircheck."""
    async def run():
        async with api.LiveKitAPI(service.url, key, secret) as client:
            return await method(client)
    return asyncio.run(run())


def heard_in(path, frequency):
    return sum(tone.length for tone in scene.hears(path, frequency))


def test_one_url_for_everything(service, one_url, livekit, callers, room):
    made = use_api(service, lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room, metadata="ünïcode")))
    assert (made.name, made.metadata) == (room, "ünïcode")
    ann = callers.join(one_url, room, "ann").publish()
    bob = callers.join(one_url, room, "bob").publish()
    assert sorted(livekit.participants(room)) == ["ann", "bob"], "they are in the server's own room"
    listed = use_api(service, lambda lk: lk.room.list_rooms(api.ListRoomsRequest(names=[room])))
    assert [r.sid for r in listed.rooms] == [made.sid]

    request = api.RoomCompositeEgressRequest(room_name=room, audio_only=True, file_outputs=[
        api.EncodedFileOutput(file_type=api.EncodedFileType.MP4, filepath=f"calls/{room}.mp4")])
    started = use_api(service, lambda lk: lk.egress.start_room_composite_egress(request))
    scene.wait_until_active(service, started.egress_id)
    wait_until(lambda: "bob" in ann.heard and "ann" in bob.heard, "ann and bob hear each other")
    first = ann.start_tone(440, 3.0)
    bob.tone(1000, 3.0)
    first.result(60)
    scene.stop_egress(service, started.egress_id)
    (mix,) = service.wait_for_recording(started.egress_id, "EGRESS_COMPLETE")["files"]
    assert heard_in(mix["location"], 440) > 2.8 and heard_in(mix["location"], 1000) > 2.8
    assert "EGRESS" not in {k.upper() for k in livekit.participants(room)}

    use_api(service, lambda lk: lk.room.delete_room(api.DeleteRoomRequest(room=room)))
    assert ann.disconnected.wait(30) and bob.disconnected.wait(30), "the server's goodbye comes through"
    assert not livekit.has_room(room)


def test_the_node_sdk_with_one_url(service, one_url, callers, room):
    ann = callers.join(one_url, room, "ann").publish()
    saying = ann.start_tone(440, 60.0)
    said = json.loads(scene.node("one_url.mjs", service.url, room, "2"))
    saying.cancel()
    assert (said["name"], said["people"], said["metadata"]) == (room, ["ann"], 'ünïcode {"a": 1}')
    (mix,) = service.wait_for_recording(said["egressId"], "EGRESS_COMPLETE")["files"]
    assert heard_in(mix["location"], 440) > 1.8
    assert ann.disconnected.wait(30)


def test_behind_tls(start_livekit, start_aircheck, callers, room):
    """As LiveKit Cloud is reached: wss, verified. Callers reach aircheck without TLS."""
    livekit = start_livekit(variant="tls")
    service = start_aircheck(server=livekit, config={"http": {"forward": True}})
    ann = callers.join(OneUrl(service, livekit), room, "ann").publish()
    egress_id = scene.start_recording(service, room)
    ann.tone(440, 2.0)
    assert len(use_api(service, lambda lk: lk.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms) == 1
    scene.stop_egress(service, egress_id)
    (mix,) = service.wait_for_recording(egress_id, "EGRESS_COMPLETE")["files"]
    assert heard_in(mix["location"], 440) > 1.8


def test_an_agents_worker_gets_its_jobs(service, room):
    """The worker's side of LiveKit's agents by hand: registers, then is asked whether it takes the job."""
    token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(agent=True)).to_jwt()

    async def work():
        async with aiohttp.ClientSession() as session, session.ws_connect(
                f"{service.url}/agent", headers={"Authorization": f"Bearer {token}"}) as socket, \
                api.LiveKitAPI(service.url, KEY, SECRET) as client:
            async def read():
                while True:
                    message = agent.ServerMessage.FromString((await socket.receive(60)).data)
                    if message.WhichOneof("message") in ("register", "availability"):
                        return message
            register = agent.RegisterWorkerRequest(
                type=agent.JobType.JT_ROOM, agent_name="helper", version="1",
                allowed_permissions={"can_publish": True, "can_subscribe": True})
            await socket.send_bytes(agent.WorkerMessage(register=register).SerializeToString())
            registered = await read()
            await client.room.create_room(api.CreateRoomRequest(name=room))
            made = await client.agent_dispatch.create_dispatch(
                agent_dispatch.CreateAgentDispatchRequest(agent_name="helper", room=room, metadata="m"))
            return registered.register, made, (await read()).availability
    registered, made, asked = asyncio.run(work())
    assert registered.worker_id.startswith("AW_")
    assert (asked.job.room.name, asked.job.dispatch_id, asked.job.metadata) == (room, made.id, "m")


@pytest.mark.parametrize("method, path, headers", [
    ("GET", "/rtc", {}),
    ("GET", "/rtc/validate?access_token=nonsense&x=%2F%20", {"Origin": "https://app.example"}),
    ("GET", "/rtc/v1/validate", {}),
    ("GET", "/agent", {}),
    ("POST", "/twirp/livekit.RoomService/ListRooms", {"Content-Type": "application/json"}),
    ("POST", "/twirp/livekit.RoomService/NoSuchMethod", {"Content-Type": "application/json"}),
    ("POST", "/twirp/livekit.RoomService/ListRooms", {"Content-Type": "text/plain", "Origin": "https://app.example"}),
    ("GET", "/twirp/livekit.SIP/ListSIPTrunk", {}),
    ("OPTIONS", "/twirp/livekit.RoomService/ListRooms", {
        "Origin": "https://app.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type"}),
])
def test_answers_are_livekits_own(service, livekit, method, path, headers):
    def ask(url):
        answer = requests.request(
            method, url + path, headers=headers, data="{}" if method == "POST" else None, timeout=30)
        kept = {k.lower(): v for k, v in answer.headers.items()}
        for name in ("date", "connection", "content-length"):
            kept.pop(name, None)
        return answer.status_code, kept, answer.content
    assert ask(service.url) == ask(livekit.direct_url.replace("ws://", "http://"))


def test_a_join_that_livekit_refuses_says_why(service, callers, room):
    token = api.AccessToken(KEY, "another-secret-0123456789-0123456789").with_identity("eve").with_grants(
        api.VideoGrants(room_join=True, room=room)).to_jwt()

    async def join():
        await rtc.Room().connect(service.url.replace("http", "ws"), token)
    with pytest.raises(rtc.ConnectError) as refusal:
        callers._loop.run(join())
    assert "401" in str(refusal.value), refusal.value


def test_egress_never_reaches_livekit(start_aircheck, receiver):
    """Neither what aircheck does, nor what it refuses, nor what is only written otherwise."""
    service = start_aircheck(config={
        "http": {"forward": True}, "ws_url": receiver.url(""), "api_key": KEY, "api_secret": SECRET})
    token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room_record=True)).to_jwt()
    paths = [
        *(f"/twirp/livekit.Egress/{method}" for method in (
            "ListEgress", "StopEgress", "StartWebEgress", "UpdateLayout", "UpdateStream", "NoSuchMethod")),
        "/twirp/livekit.egress/StartWebEgress", "/twirp//livekit.Egress/StartWebEgress",
        "/twirp/x/../livekit.Egress/StartWebEgress", "/twirp/livekit%2eEgress/StartWebEgress",
        "/twirp/livekit.Egress%2fStartWebEgress", "/rtc/../twirp/livekit.Egress/StartWebEgress",
        "/rtc/%2e%2e/metrics", "/metrics", "/debug/rooms",
    ]
    for path in paths:
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as raw:  # sent as it is written
            raw.sendall((f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}"
                         "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").encode())
            assert raw.makefile("rb").read(12).startswith(b"HTTP/1.1 "), path
    came = [d.path for d in receiver.deliveries]
    requests.post(f"{service.url}/twirp/livekit.RoomService/ListRooms", timeout=30)
    assert [p for p in came if "ListRooms" not in p] == [], "only aircheck's own questions"
    wait_until(lambda: any(d.headers.get("via") == "1.1 aircheck" for d in receiver.deliveries), "what is passed on")
    forwarded = next(d for d in receiver.deliveries if d.headers.get("via") == "1.1 aircheck")
    assert (forwarded.headers["host"], forwarded.headers["x-forwarded-for"]) == (
        f"127.0.0.1:{receiver.port}", "127.0.0.1")


def test_auto_egress_needs_a_server_with_workers(service, one_url, livekit, callers, room):
    """A CreateRoom is LiveKit's own, its egress too. A server without Redis has no workers: `participant` and `tracks`
    come to nothing without a word, and with `room` the call itself does."""
    file = api.EncodedFileOutput(filepath="x.mp4")
    use_api(service, lambda lk: lk.room.create_room(api.CreateRoomRequest(name=room, egress=api.RoomEgress(
        participant=api.AutoParticipantEgress(file_outputs=[file]), tracks=api.AutoTrackEgress(filepath="x")))))
    ann = callers.join(one_url, room, "ann").publish()
    ann.tone(440, 3.0)
    assert sorted(livekit.participants(room)) == ["ann"], "nobody records"
    assert not use_api(service, lambda lk: lk.egress.list_egress(api.ListEgressRequest())).items
    request = api.RoomCompositeEgressRequest(room_name=f"{room}-2", audio_only=True, file_outputs=[file])
    token = livekit.token("crm", room, room_create=True)
    try:
        answer = requests.post(
            f"{service.url}/twirp/livekit.RoomService/CreateRoom", timeout=5,
            json={"name": f"{room}-2", "egress": {"room": json_format.MessageToDict(request)}},
            headers={"Authorization": f"Bearer {token}"})
        assert not answer.ok, answer.text
    except requests.Timeout:
        pass  # As long as anybody has been seen to wait.


def test_a_server_that_is_gone_is_said_to_be(service, one_url, livekit, callers, room):
    livekit.stop()
    with pytest.raises(api.TwirpError) as failure:
        use_api(service, lambda lk: lk.room.list_rooms(api.ListRoomsRequest()))
    assert failure.value.code == "unavailable" and "cannot be reached" in failure.value.message
    with pytest.raises(rtc.ConnectError) as refusal:
        callers.join(one_url, room, "ann")
    assert "502" in str(refusal.value) or "cannot be reached" in str(refusal.value), refusal.value
    answer = requests.get(f"{service.url}/rtc/validate", headers={"Origin": "https://app.example"}, timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert str(livekit.port) not in answer.text, "the inside is nobody's business"
    assert not use_api(service, lambda lk: lk.egress.list_egress(api.ListEgressRequest())).items, "ours still answers"


def test_nothing_is_passed_on_unless_asked_for(livekit, start_aircheck):
    service = start_aircheck(server=livekit)
    with pytest.raises(api.TwirpError) as refusal:
        use_api(service, lambda lk: lk.room.list_rooms(api.ListRoomsRequest()))
    assert refusal.value.code == "bad_route" and "http.forward" in refusal.value.message
    assert requests.get(f"{service.url}/rtc/validate", timeout=30).status_code == 404


def test_pages_of_any_origin_may_use_egress(service):
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization,content-type"}
    url = f"{service.url}/twirp/livekit.Egress/ListEgress"
    preflight = requests.options(url, headers=headers, timeout=30)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    assert preflight.headers["access-control-max-age"] == "86400"
    answer = requests.post(url, json={}, headers={"Origin": "https://app.example"}, timeout=30)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "https://app.example")


@pytest.mark.slow
def test_an_idle_connection_is_left_alone(start_aircheck):
    """Longer than any limit that aircheck's listener has for requests; the server is ours, since LiveKit's pings."""
    listener = socket.create_server(("127.0.0.1", free_port()))
    service = start_aircheck(config={
        "http": {"forward": True}, "ws_url": f"ws://127.0.0.1:{listener.getsockname()[1]}",
        "api_key": KEY, "api_secret": SECRET})

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(peer,), daemon=True).start()

    def echo(peer):
        with peer:
            header = b""
            while b"\r\n\r\n" not in header:
                if not (more := peer.recv(4096)):
                    return
                header += more
            peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            while data := peer.recv(4096):
                peer.sendall(data)
    threading.Thread(target=serve, daemon=True).start()
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(b"GET /rtc HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        reader = client.makefile("rb")
        while reader.readline() != b"\r\n":
            pass
        time.sleep(150)
        client.sendall(b"still here\n")
        assert reader.readline() == b"still here\n"
    listener.close()


@pytest.mark.slow
def test_a_quiet_call_stays_connected(service, one_url, livekit, callers, room):
    """A minute in which nobody says anything: the same connection, not one that was mended."""
    ann = callers.join(one_url, room, "ann").publish()
    lost = []
    ann.room.on("reconnecting", lambda: lost.append(time.monotonic()))
    before = livekit.participants(room)["ann"]
    assert not ann.disconnected.wait(60), "it was cut off"
    after = use_api(service, lambda lk: lk.room.get_participant(
        api.RoomParticipantIdentity(room=room, identity="ann")))
    assert (after.sid, after.joined_at_ms) == (before.sid, before.joined_at_ms)
    assert not lost
