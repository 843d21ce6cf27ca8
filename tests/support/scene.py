"""A service with everything around it, and the ways to start and end a recording."""

import asyncio
import os
import pathlib
import re
import subprocess

from livekit import api

from support import media
from support.livekit import KEY, SECRET
from support.minio import ACCESS_KEY, SECRET_KEY
from support.process import PEERS, free_port, wait_until

NODE_SCRIPTS = pathlib.Path(__file__).resolve().parent / "node"


def use_egress_api(aircheck, method, *, key=KEY, secret=SECRET):
    """Runs `await method(egress)` on LiveKit's Egress client, pointed at aircheck."""
    async def run():
        async with api.LiveKitAPI(aircheck.url, key, secret) as client:
            return await method(client.egress)
    return asyncio.run(run())


def finished(receiver, egress_id):
    """What is told of an egress at its end, which was a good one."""
    info = receiver.wait_for("egress_ended").verified().egress_info
    assert (info.egress_id, info.error) == (egress_id, "")
    assert info.status == api.EgressStatus.EGRESS_COMPLETE
    return info


def s3_upload(bucket):
    return api.S3Upload(
        access_key=ACCESS_KEY, secret=SECRET_KEY, bucket=bucket.name, region="us-east-1",
        endpoint=bucket.minio.endpoint, force_path_style=True)


RULE = {"rooms": "*", "on": "participant_joined", "filepath": "recordings/{room_name}-{time}.mp4"}


def start(start_livekit, start_aircheck, receiver, bucket, *, room=None, **rule):
    """livekit-server and aircheck that know of each other; one auto_record rule, RULE with `rule` over it.

    `receiver` is told in LiveKit's format at /webhook, as the second guide has it at /simple, and flat at /flat.
    """
    port = free_port()
    server = start_livekit(webhook_urls=[f"http://127.0.0.1:{port}/webhooks/livekit"], room=room)
    aircheck = start_aircheck(server=server, port=port, config={
        "auto_record": [{**RULE, **rule}],
        "webhooks": [{"url": receiver.url()}, {"url": receiver.url("/simple"), "format": "simple"},
                     {"url": receiver.url("/flat"), "format": "flat"}],
        "storage": {"s3": bucket.config()},
    })
    return server, aircheck


def guide_request(room, bucket, **changes):
    """The second guide's request, with the test's bucket."""
    request = api.RoomCompositeEgressRequest(
        room_name=room,
        audio_only=True,
        file_outputs=[
            api.EncodedFileOutput(
                file_type=api.EncodedFileType.MP4,
                filepath="recordings/{room_name}-{time}.mp4",
                s3=s3_upload(bucket),
            )
        ],
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def wait_until_active(aircheck, egress_id):
    """Once media has come: recording has truly begun."""
    def ask():
        answer = use_egress_api(aircheck, lambda e: e.list_egress(api.ListEgressRequest(egress_id=egress_id)))
        assert len(answer.items) == 1, f"{egress_id} is listed {len(answer.items)} times"
        status = answer.items[0].status
        assert status not in (api.EgressStatus.EGRESS_FAILED, api.EgressStatus.EGRESS_ABORTED), answer.items[0].error
        return status == api.EgressStatus.EGRESS_ACTIVE
    wait_until(ask, f"{egress_id} is active")


def wait_until_recorded(aircheck, room):
    """Once media of that room is recorded, whoever asked for it; gives the egress id."""
    def ask():
        found = aircheck.conversations(room)
        recordings = found[0]["recordings"] if found else []
        return recordings[0]["egress_id"] if recordings else None
    egress_id = wait_until(ask, f"a recording of {room}")
    wait_until_active(aircheck, egress_id)
    return egress_id


def start_recording(aircheck, room, **body):
    """Our own REST request, and waits until media is recorded; gives the egress id."""
    answer = aircheck.request("POST", "/api/v1/recordings", json={"room_name": room, "audio_only": True, **body})
    assert answer.status_code == 201, answer.text
    wait_until_active(aircheck, answer.json()["egress_id"])
    return answer.json()["egress_id"]


def wait_for_packets(aircheck, more=50):
    """Until so many more RTP packets were kept, by all recordings: 50 are a second of one track in one of them."""
    def received():
        return float(re.search(r"^aircheck_packets_received_total (\S+)$", aircheck.metrics(), re.MULTILINE)[1])
    wanted = received() + more
    wait_until(lambda: received() >= wanted, f"{more} more packets are kept")


def stop_egress(aircheck, egress_id):
    return use_egress_api(aircheck, lambda e: e.stop_egress(api.StopEgressRequest(egress_id=egress_id)))


def is_named_by_the_guide(key, room):
    return re.fullmatch(rf"recordings/{re.escape(room)}-\d{{4}}-\d\d-\d\dT\d{{6}}\.mp4", key)


def hears(path, frequency, *, amplitude=None, bridge=media.HOLE):
    """Intervals of a tone in a file, all channels together; holes shorter than `bridge` count as the tone."""
    return media.tone_intervals(media.decode(path), frequency, amplitude=amplitude, bridge=bridge)


def heard(path, frequency):
    """How long a tone is heard in all, seconds: a speaker on a busy machine leaves holes."""
    return sum(tone.length for tone in hears(path, frequency))


def node(script, *arguments, env=None, stdin=None):
    """Runs a script of support/node/ with livekit-server-sdk; gives its output."""
    done = subprocess.run(
        ["node", NODE_SCRIPTS / script, *arguments], capture_output=True, text=True, input=stdin, timeout=120,
        env={**os.environ, "PEERS": str(PEERS), "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, **(env or {})})
    assert done.returncode == 0, f"{script}: {done.stderr}"
    return done.stdout
