"""`delegate: livekit`: what this recorder cannot do is left to livekit/egress; a stand-in for it is on the bus."""

import pytest
from livekit import api
from support import scene
from support.egress_worker import EgressWorker
from support.process import wait_until

pytestmark = pytest.mark.slow  # for the time that `make test` has

ACTIVE, ENDING = api.EgressStatus.EGRESS_ACTIVE, api.EgressStatus.EGRESS_ENDING
COMPLETE = api.EgressStatus.EGRESS_COMPLETE


@pytest.fixture
def livekit(start_livekit, redis):
    return start_livekit(redis=redis)


@pytest.fixture
def start_service(start_aircheck, livekit, redis):
    def start(*, on_the_bus=True, **config):
        bus = {"redis": {"address": redis.address}} if on_the_bus else {}
        service = start_aircheck(server=livekit, config={**bus, **config})
        if on_the_bus:
            wait_until(lambda: "bus.ready" in service.process.log.read_text(), "the bus is ready")
        return service
    return start


@pytest.fixture
def egress_worker(running, redis, livekit):
    return running.add(EgressWorker(redis))


def ask_for_sound(at, room):
    return scene.use_egress_api(at, lambda e: e.start_room_composite_egress(api.RoomCompositeEgressRequest(
        room_name=room, audio_only=True, file_outputs=[api.EncodedFileOutput(filepath=f"{room}.ogg")])))


def beyond_us(room):
    """One of each kind that livekit/egress does and we do not: (method, request)."""
    file = [api.EncodedFileOutput(filepath="x.mp4")]
    return {
        "video": ("start_room_composite_egress", api.RoomCompositeEgressRequest(room_name=room, file_outputs=file)),
        "a template": ("start_room_composite_egress", api.RoomCompositeEgressRequest(
            room_name=room, audio_only=True, custom_base_url="https://example.com", file_outputs=file)),
        "a web page": ("start_web_egress", api.WebEgressRequest(url="https://example.com", file_outputs=file)),
        "images": ("start_room_composite_egress", api.RoomCompositeEgressRequest(
            room_name=room, audio_only=True, image_outputs=[api.ImageOutput(filename_prefix="x")])),
        "a video track": ("start_track_composite_egress", api.TrackCompositeEgressRequest(
            room_name=room, video_track_id="TR_V", file_outputs=file)),
    }


def start_all(at, room):
    return {what: scene.use_egress_api(at, lambda e: getattr(e, method)(request)).egress_id
            for what, (method, request) in beyond_us(room).items()}


def ids(at, **query):
    return sorted(i.egress_id for i in scene.use_egress_api(
        at, lambda e: e.list_egress(api.ListEgressRequest(**query))).items)


def test_over_the_bus_there_is_no_bid(livekit, start_service, egress_worker, callers, room):
    service = start_service(delegate="livekit")
    callers.join(livekit, room, "ann").publish()
    started = start_all(livekit, room)
    assert sorted(started.values()) == sorted(egress_worker.jobs)
    sound = ask_for_sound(livekit, room)
    assert sound.egress_id not in egress_worker.jobs, "what we do bids more than an idle livekit/egress"
    scene.wait_until_active(service, sound.egress_id)


def test_over_the_bus_nobody_answers_where_there_is_no_worker(livekit, start_service, callers, room):
    start_service(delegate="livekit")
    callers.join(livekit, room, "ann")
    method, request = beyond_us(room)["a web page"]
    with pytest.raises(api.TwirpError) as nobody:
        scene.use_egress_api(livekit, lambda e: getattr(e, method)(request))
    assert nobody.value.code == "unavailable" and "no response" in nobody.value.message


@pytest.mark.parametrize("on_the_bus", [True, False])
def test_by_our_own_api_it_is_passed_on(livekit, start_service, egress_worker, callers, room, on_the_bus):
    service = start_service(delegate="livekit", on_the_bus=on_the_bus)
    callers.join(livekit, room, "ann").publish()
    theirs = start_all(service, room)
    assert sorted(theirs.values()) == sorted(egress_worker.jobs)
    ours = ask_for_sound(service, room).egress_id
    scene.wait_until_active(service, ours)
    assert ids(service) == sorted([ours, *theirs.values()]), "merged, each once"
    assert ids(service, room_name="nowhere") == []

    video = theirs["video"]
    assert ids(service, egress_id=video) == [video]
    stopped = scene.use_egress_api(service, lambda e: e.stop_egress(api.StopEgressRequest(egress_id=video)))
    assert (stopped.egress_id, stopped.status) == (video, ENDING)
    assert egress_worker.jobs[video].status == ENDING
    updated = scene.use_egress_api(service, lambda e: e.update_stream(
        api.UpdateStreamRequest(egress_id=theirs["a web page"], add_output_urls=["rtmp://example.com/x"])))
    assert updated.egress_id == theirs["a web page"]
    with pytest.raises(api.TwirpError) as unknown:
        scene.use_egress_api(service, lambda e: e.stop_egress(api.StopEgressRequest(egress_id="EG_nobodys")))
    assert unknown.value.code == "not_found" and unknown.value.message.endswith("egress does not exist")

    scene.stop_egress(service, ours)
    service.wait_for_recording(ours, "EGRESS_COMPLETE")


def test_jobs_of_the_bus_are_listed_once(livekit, start_service, egress_worker, callers, room):
    service = start_service(delegate="livekit")
    callers.join(livekit, room, "ann").publish()
    from_the_bus = ask_for_sound(livekit, room).egress_id
    own = ask_for_sound(service, room).egress_id
    for egress_id in (from_the_bus, own):
        scene.wait_until_active(service, egress_id)
    assert ids(service) == sorted([from_the_bus, own])


def test_a_server_that_does_not_answer_is_named(livekit, start_service, callers, room):
    service = start_service(delegate="livekit", on_the_bus=False)
    livekit.process.kill()
    for call in (lambda e: e.list_egress(api.ListEgressRequest()),
                 lambda e: e.start_web_egress(api.WebEgressRequest(
                     url="https://example.com", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")]))):
        with pytest.raises(api.TwirpError) as refusal:
            scene.use_egress_api(service, call)
        assert refusal.value.code == "unavailable" and "livekit-server" in refusal.value.message


def test_a_server_without_workers_says_it_itself(start_livekit, start_aircheck, callers, room):
    """No Redis: its own words come through."""
    server = start_livekit()
    service = start_aircheck(server=server, config={"delegate": "livekit"})
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(service, lambda e: e.start_web_egress(api.WebEgressRequest(
            url="https://example.com", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    assert refusal.value.code == "unavailable" and "no response from servers" in refusal.value.message


def test_a_way_back_to_aircheck_is_no_server(start_aircheck, livekit):
    first = start_aircheck(server=livekit, config={"delegate": "livekit"})
    second = start_aircheck(config={
        "delegate": "livekit", "ws_url": first.url.replace("http", "ws"), "data_dir": str(first.folder / "second"),
        "api_key": "devkey", "api_secret": scene.SECRET})
    with pytest.raises(api.TwirpError) as refusal:
        scene.use_egress_api(second, lambda e: e.start_web_egress(api.WebEgressRequest(
            url="https://example.com", file_outputs=[api.EncodedFileOutput(filepath="x.mp4")])))
    assert "leads back to aircheck" in refusal.value.message
