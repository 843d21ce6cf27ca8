"""What the command line takes and refuses, before anything is asked of anybody."""

import json
import re
import subprocess

import pytest
from support import scene
from support.aircheck import run

S3 = {"bucket": "calls", "access_key": "AK", "secret": "SK"}


def must_be_refused(done, *words):
    """Exit status 2, and one line that says all of `words`."""
    assert done.returncode == 2, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert re.fullmatch(r"aircheck: [^\n]*\n", done.stderr), done.stderr
    missing = [word for word in words if word not in done.stderr]
    assert not missing, f"says nothing of {missing}: {done.stderr}"


@pytest.mark.parametrize("arguments, words", [
    ([], ["a command is missing", "aircheck --help"]),
    (["recrod", "x"], ["'recrod'", "command", "aircheck --help"]),
    (["egress"], ["a command is missing", "aircheck egress --help"]),
    (["egress", "lsit"], ["'lsit'", "aircheck egress --help"]),
    (["egress", "list", "EG_1"], ["'EG_1'", "argument", "aircheck egress list --help"]),
    (["record", "x", "--outptu", "y"], ["'--outptu'", "option", "aircheck record --help"]),
    (["record"], ["room", "aircheck record --help"]),
    (["record", "x", "--wait"], ["--wait", "aircheck record --help"]),
    (["record", "x", "--file-type", "mp5"], ["--file-type", "mp5"]),
    (["completion", "tcsh"], ["tcsh"]),
    (["demo", "--once", "--length", "0s"], ["--length", "0s"]),
    (["demo", "--once", "--length", "999ms"], ["--length", "999ms"]),
    (["egress", "stop", "EG_1", "--json"], ["'--json'", "option", "aircheck egress stop --help"]),
    (["conversations", "url", "CV_1", "--json"], ["'--json'", "option"]),
    (["record", ""], ["room", "empty", "aircheck record --help"]),
    (["record", "x", "-o", ""], ["--output", "empty"]),
    (["record", "x", "--output="], ["--output", "missing"]),
    (["serve", "--config", ""], ["--config", "empty"]),
    (["serve", "--config-body", ""], ["--config-body", "empty"]),
    (["egress", "show", ""], ["id", "empty"]),
    (["conversations", "list", "--room", ""], ["--room", "empty"]),
    (["render", "spool", "-o", ""], ["--output", "empty"]),
])
def test_a_wrong_word_is_named(tmp_path, arguments, words):
    must_be_refused(run(*arguments, folder=tmp_path), *words)


@pytest.mark.parametrize("arguments, word", [
    (["-o", "x.webm"], "'.webm'"),
    (["-o", "s3://calls/x.m4a"], "'.m4a'"),
    (["-o", "x.mp4", "--file-type", "ogg"], "--file-type ogg"),
    (["-o", "s3://calls/x.ogg", "--file-type", "mp4"], "--file-type mp4"),
])
def test_record_refuses_a_name_that_would_lie(tmp_path, arguments, word):
    env = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    must_be_refused(run("record", "x", *arguments, folder=tmp_path, env=env), arguments[1], word)


def test_record_keeps_nothing_here_where_that_is_disallowed(tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({
        "ws_url": "ws://127.0.0.1:9", "api_key": "k", "api_secret": "s", "disallow_local_storage": True}))
    must_be_refused(run("record", "x", "-c", "aircheck.yaml", folder=tmp_path), "disallow_local_storage", "-o")


def test_render_overwrites_nothing(tmp_path):
    (tmp_path / "x.mp4").write_text("mine")
    done = run("render", "no-journal", "-o", "x.mp4", folder=tmp_path)
    assert done.returncode == 1 and "x.mp4: already exists" in done.stderr, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"] and (tmp_path / "x.mp4").read_text() == "mine"


def test_serve_has_nowhere_to_put_what_a_rule_records(tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({
        "ws_url": "ws://127.0.0.1:9", "api_key": "k", "api_secret": "s", "disallow_local_storage": True,
        "auto_record": [scene.RULE]}))
    must_be_refused(run("serve", "-c", "aircheck.yaml", folder=tmp_path), "auto_record", "disallow_local_storage")


@pytest.mark.parametrize("setting, value", [
    ("bucket", "no bucket/name"), ("endpoint", "::"), ("region", "eu north"), ("tagging", "a\nb")])
def test_a_store_that_cannot_be_one_is_refused(tmp_path, setting, value):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({"storage": {"s3": {**S3, setting: value}}}))
    must_be_refused(run("serve", "-c", "aircheck.yaml", folder=tmp_path), "storage.s3", f"({setting})")


def test_serve_refuses_headers_that_would_be_lost(tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({
        "webhooks": [{"url": "https://n8n.example/x", "headers": {"Authorization": "Bearer x"}}]}))
    must_be_refused(run("serve", "-c", "aircheck.yaml", folder=tmp_path), "headers.Authorization", "livekit")


def test_print_config_warns_as_serve_does(tmp_path):
    (tmp_path / "aircheck.yaml").write_text(json.dumps({
        "storage": {"s3": S3, "local": {"directory": "/r"}}, "video_encoder_threads": 2,
        "http": {"bind": "0.0.0.0:7990"}}))
    done = run("serve", "--print-config", "-c", "aircheck.yaml", folder=tmp_path)
    assert done.returncode == 2, "http.bind is what serve refuses"
    assert "video_encoder_threads" not in done.stdout and "bind: 0.0.0.0:7990" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(line.startswith("aircheck: ") for line in lines), lines
    for word in ("storage.local.directory", "video_encoder_threads", "http.bind"):
        assert sum(word in line for line in lines) == 1, lines


def helps(folder, *command):
    """{("egress", "list"): its --help, …}, of `command` and all below it."""
    text = run(*command, "--help", folder=folder).stdout
    found = {command: text}
    below = text.split("Subcommands:")
    for name in re.findall(r"^  (\w+) ", below[1], re.MULTILINE) if len(below) > 1 else []:
        found.update(helps(folder, *command, name))
    return found


def completed(script, *words):
    """What bash offers for the last of `words`."""
    done = subprocess.run(
        ["bash", "-c", f'{script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _aircheck; echo "${{COMPREPLY[@]}}"',
         "bash", "aircheck", *words], capture_output=True, text=True, check=True, timeout=30)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_completion_knows_every_flag_of_every_command(tmp_path):
    script = run("completion", "bash", folder=tmp_path).stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=30)
    fish = run("completion", "fish", folder=tmp_path).stdout
    all_helps = helps(tmp_path)
    assert len(all_helps) > 12
    for command, text in all_helps.items():
        flags = re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.split("Options:")[1].split("Subcommands:")[0])
        assert "--help" in flags
        offered = completed(script, *command, "--")
        assert sorted(set(flags)) == sorted(offered), command
        for flag in flags:
            assert re.search(rf"-l {flag[2:]}\b", fish), flag
    assert completed(script, "") == [c[0] for c in all_helps if len(c) == 1]
    assert completed(script, "egress", "s") == ["show", "stop"]
    assert completed(script, "record", "--file-type", "") == ["mp4", "ogg", "mp3", "wav", "flac"]
    assert completed(script, "completion", "") == ["bash", "zsh", "fish"]
    assert completed(script, "record", "-o", "x") == [], "then the shell offers files"
