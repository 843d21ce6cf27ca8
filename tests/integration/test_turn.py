"""Networks that let little through, and ones that change in mid-call: livekit-server's own TURN server, and coturn."""

import contextlib
import re
import subprocess
import time

import pytest
from support import media, scene
from support.aircheck import run
from support.connect_proxy import ConnectProxy
from support.coturn import Coturn
from support.process import free_port, preloaded, wait_until

pytestmark = pytest.mark.slow

RULE = {"rooms": "*", "on": "participant_joined", "filepath": "recordings/{room_name}.mp4"}


@pytest.fixture
def embedded(start_livekit):
    """livekit-server with its own TURN server, over UDP."""
    return start_livekit(turn={"udp_port": free_port(), "relay_range_start": 30000, "relay_range_end": 31999})


@pytest.fixture
def coturn(running, tmp_path):
    return running.add(Coturn(tmp_path))


def only_to(folder, *ports):
    """The environment of a process that reaches these ports alone."""
    return {**preloaded("only_to", folder), "ONLY_TO": ",".join(map(str, ports))}


def record_a_tone(server, callers, room, folder, *, env=None):
    """Gives how media came: the words of the log's event."""
    ann = callers.join(server, room, "ann").publish()
    saying = ann.start_tone(440, 8.0)
    path = folder / "call.mp4"
    done = run(
        "record", room, "-o", path, "--log-level", "debug", folder=folder, server=server, env=env,
        interrupt_when=lambda _: saying.done())
    assert done.returncode == 0, done.stderr
    tones = scene.hears(path, 440)
    assert sum(tone.length for tone in tones) > 4.0, (tones, done.stderr)
    (connected,) = re.findall(r"media\.connected .*", done.stderr)
    return connected


def test_relayed_by_livekits_own_server(embedded, callers, room, tmp_path):
    env = only_to(tmp_path, embedded.turn_port, embedded.port)
    connected = record_a_tone(embedded, callers, room, tmp_path, env=env)
    assert re.search(r"by=\"?turn:127\.0\.0\.1:\d+\?transport=udp", connected), connected


def test_by_relays_alone_where_that_is_configured(embedded, callers, room, tmp_path):
    """No direct way is tried, open as they are."""
    connected = record_a_tone(embedded, callers, room, tmp_path, env={"AIRCHECK_NETWORK__ICE_TRANSPORT": "relay"})
    assert re.search(r"by=\"?turn:127\.0\.0\.1:", connected), connected


def test_relays_alone_and_a_server_without_any(livekit, callers, room, tmp_path):
    callers.join(livekit, room, "ann").publish()
    done = run("record", room, "-o", tmp_path / "x.mp4", folder=tmp_path, server=livekit,
               env={"AIRCHECK_NETWORK__ICE_TRANSPORT": "relay"})
    assert done.returncode == 1
    assert "the server names no TURN server" in done.stderr, done.stderr


def test_not_relayed_where_that_is_not_needed(embedded, callers, room, tmp_path):
    assert "by=udp" in record_a_tone(embedded, callers, room, tmp_path)


@pytest.mark.parametrize("ice", ["full-ice", "ice-lite"])
@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_relayed_by_coturn(start_livekit, coturn, callers, room, tmp_path, protocol, ice):
    server = start_livekit(variant=ice, rtc={"turn_servers": [coturn.entry(protocol)]})
    env = {**only_to(tmp_path, server.port, coturn.port_for(protocol)), "SSL_CERT_FILE": str(coturn.ca_file)}
    connected = record_a_tone(server, callers, room, tmp_path, env=env)
    scheme = "turns" if protocol == "tls" else "turn"
    carried = "udp" if protocol == "udp" else "tcp"
    assert f"{scheme}:localhost:{coturn.port_for(protocol)}?transport={carried}" in connected, connected


@pytest.mark.parametrize("what", ["credentials", "certificate"])
def test_a_relay_that_cannot_be_used_is_named_with_its_reason(start_livekit, coturn, callers, room, tmp_path, what):
    entry = coturn.entry("udp", credential="wrong") if what == "credentials" else coturn.entry("tls")
    server = start_livekit(rtc={"turn_servers": [entry]})
    callers.join(server, room, "ann").publish()
    env = {**only_to(tmp_path, server.port, entry["port"]), "SSL_CERT_FILE": "/dev/null"}
    done = run("record", room, "-o", tmp_path / "x.mp4", folder=tmp_path, server=server, env=env)
    assert done.returncode == 1
    assert f"relay turn{'s' if what == 'certificate' else ''}:localhost:{entry['port']}" in done.stderr, done.stderr
    assert ("refuses the credentials" if what == "credentials" else "certificate") in done.stderr, done.stderr


def test_through_an_http_proxy_alone(running, start_livekit, coturn, callers, room, tmp_path):
    """Signalling, the server's API and media: by CONNECT, as from an office."""
    proxy = running.add(ConnectProxy())
    server = start_livekit(variant="tls", rtc={"turn_servers": [coturn.entry("tls", host="relay.test")]})
    class ByName:
        ca_file, direct_url, token = server.ca_file, server.direct_url, server.token
        url = server.url.replace("localhost", "livekit.test")
    env = {**only_to(tmp_path, proxy.port), "HTTPS_PROXY": proxy.url}
    connected = record_a_tone(ByName, callers, room, tmp_path, env=env)
    assert "turns:relay.test" in connected, connected
    signal, relay = (int(ByName.url.rsplit(":", 1)[1]), coturn.tls_port)
    assert {f"livekit.test:{signal}", f"relay.test:{relay}"} <= set(proxy.targets), proxy.targets


def says(aircheck, event):
    """How often the log has that event."""
    return aircheck.process.log.read_text(errors="replace").count(event)


def start_call(aircheck, server, callers, room):
    ann = callers.join(server, room, "ann").publish(dtx=False)
    aircheck.wait_for_conversation(room, "recording")
    wait_until(lambda: says(aircheck, "recording.active"), "media comes")
    return ann


def finish_call(aircheck, caller, room):
    caller.leave()
    conversation = aircheck.wait_for_conversation(room, "complete")
    (recording,) = conversation["recordings"]
    return recording, media.decode(aircheck.data_dir / "recordings" / "recordings" / f"{room}.mp4")


# What it may cost: over TCP the loss is told, over UDP it is noticed by what is not answered.
@pytest.mark.parametrize("protocol, lost", [("tcp", 6.0), ("udp", 16.0)])
def test_a_relay_that_dies_in_mid_call(start_livekit, start_aircheck, coturn, callers, room, tmp_path, protocol, lost):
    server = start_livekit(rtc={"turn_servers": [coturn.entry(protocol)]})
    aircheck = start_aircheck(
        server=server, env=only_to(tmp_path, server.port, coturn.port), config={"auto_record": [RULE]})
    ann = start_call(aircheck, server, callers, room)
    saying = ann.start_tone(440, 30.0)
    time.sleep(4.0)
    coturn.kill()
    coturn.start()
    wait_until(lambda: says(aircheck, "room.resumed") >= 1, "resumed")
    saying.result(90)
    recording, samples = finish_call(aircheck, ann, room)
    tones = media.tone_intervals(samples, 440)
    assert abs(tones[-1].end - tones[0].start - 30.0) <= 0.5, tones
    assert sum(tone.length for tone in tones) > 30.0 - lost, tones
    assert says(aircheck, "room.rejoined") == 0
    assert recording["gaps"], "what is missing is said"


@contextlib.contextmanager
def addresses(*texts):
    """Addresses of this machine, for a while; gives a function that takes one away."""
    def change(how, text):
        subprocess.run(["ip", "addr", how, f"{text}/32", "dev", "lo"], check=True, capture_output=True)
    here = set()
    try:
        for text in texts:
            change("add", text)
            here.add(text)
        def take(text):
            here.discard(text)
            change("del", text)
        yield take
    finally:
        for text in texts:  # The routes that route() left.
            subprocess.run(["ip", "route", "del", "local", text, "dev", "lo", "table", "local"], capture_output=True)
        for text in here:
            change("del", text)


def route(server, source):
    """What goes to `server` comes from `source`."""
    subprocess.run(
        ["ip", "route", "replace", "local", server, "dev", "lo", "table", "local", "src", source],
        check=True, capture_output=True)


def test_a_network_that_changes_in_mid_call(start_livekit, start_aircheck, callers, room):
    """The address that media and signalling went by is taken away; another one is there."""
    there, first, second = "10.91.7.1", "10.91.7.2", "10.91.7.3"
    with addresses(there, first, second) as take:
        route(there, first)
        server = start_livekit(rtc={"node_ip": there}, host=there)
        aircheck = start_aircheck(server=server, config={"auto_record": [RULE]})
        ann = start_call(aircheck, server, callers, room)
        saying = ann.start_tone(440, 15.0)
        time.sleep(4.0)
        take(first)
        route(there, second)
        wait_until(lambda: says(aircheck, "room.resumed") >= 1, "resumed")
        saying.result(60)
        _, samples = finish_call(aircheck, ann, room)
        assert says(aircheck, "media.path_lost") == 1
        assert says(aircheck, "room.rejoined") == 0
        tones = media.tone_intervals(samples, 440)
        assert abs(tones[-1].end - tones[0].start - 15.0) <= 0.5, tones
        # Consent would have run out after 8 s at the earliest.
        assert sum(tone.length for tone in tones) > 15.0 - 3.0, tones
