"""What `cmake --install`, `make package` and the Dockerfile make: that it is whole, installs, runs, and goes again."""

import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest
import requests

from support.debian import DebianRoot, run
from support.dockerfile import Image
from support.process import ROOT, environment, free_port

pytestmark = pytest.mark.deploy

BUILD = pathlib.Path(os.environ.get("AIRCHECK_BUILD", ROOT / "build/release"))
VERSION = re.search(r"project\(aircheck VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
NEWER = f"{VERSION}+test1"
CONFIG = "/etc/aircheck/config.yaml"
DATA = "/var/lib/aircheck"


def make_package(folder, *version):
    # Packing what a debugger needs takes longer than all the rest.
    done = subprocess.run([ROOT / "tools/package", BUILD, folder, *version], text=True, capture_output=True,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "noautodbgsym"})
    assert done.returncode == 0, done.stderr[-4000:]
    return pathlib.Path(folder, pathlib.Path(done.stdout.strip()).name)


def install(folder, prefix):
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(folder)})
    return folder / prefix.lstrip("/")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def bare_root(tmp_path_factory):
    root = DebianRoot(tmp_path_factory.mktemp("debian") / "bare")
    yield root
    root.remove()


@pytest.fixture
def debian(bare_root):
    """Without aircheck and what is its own; the libraries that it needs may be there already."""
    yield bare_root
    bare_root.run("apt-get", "-y", "-qq", "purge", "aircheck", check=False)
    bare_root.run("userdel", "aircheck", check=False)
    bare_root.run("rm", "-rf", DATA, "/out", "/usr/share/aircheck")


def answers(url):
    try:
        return requests.get(url, timeout=2)
    except requests.RequestException:
        return None


def test_install_into_a_prefix(tmp_path):
    prefix = install(tmp_path, "/opt/aircheck")
    installed = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    assert installed == {
        "bin/aircheck",
        "lib/systemd/system/aircheck.service",
        "lib/sysusers.d/aircheck.conf",
        "share/bash-completion/completions/aircheck",
        "share/doc/aircheck/CHANGELOG.md",
        "share/doc/aircheck/LICENSE",
        "share/doc/aircheck/NOTICE",
        "share/doc/aircheck/README.md",
        "share/doc/aircheck/examples/config.yaml",
        "share/doc/aircheck/examples/drop-in.yaml",
        "share/fish/vendor_completions.d/aircheck.fish",
        "share/man/man1/aircheck.1",
        "share/zsh/vendor-completions/_aircheck",
    }
    version = subprocess.run([prefix / "bin/aircheck", "--version"], text=True, capture_output=True, check=True)
    assert version.stdout == f"aircheck {VERSION}\n"
    unit = (prefix / "lib/systemd/system/aircheck.service").read_text()
    assert "ExecStart=/opt/aircheck/bin/aircheck serve --config /opt/aircheck/etc/aircheck/config.yaml\n" in unit
    for name in ("config.yaml", "drop-in.yaml"):
        example = prefix / "share/doc/aircheck/examples" / name
        read = subprocess.run([prefix / "bin/aircheck", "serve", "--config", example, "--print-config"], text=True,
                              capture_output=True, env=environment())
        assert read.returncode == 0, read.stderr
    manual = ["mandoc", "-T", "lint", "-W", "warning", prefix / "share/man/man1/aircheck.1"]
    assert subprocess.run(manual, text=True, capture_output=True).stdout == ""
    completion = f"source {prefix}/share/bash-completion/completions/aircheck && complete -p aircheck"
    subprocess.run(["bash", "-c", completion], check=True, capture_output=True)


def test_unit_is_sound_and_hardened(tmp_path):
    text = (install(tmp_path, "/usr") / "lib/systemd/system/aircheck.service").read_text()
    assert "ExecStart=/usr/bin/aircheck serve --config /etc/aircheck/config.yaml\n" in text
    unit = tmp_path / "aircheck.service"
    unit.write_text(text.replace("/usr/bin/aircheck", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], text=True, capture_output=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], text=True,
                           capture_output=True)  # 20: an exposure of 2.0 of 10
    assert rated.returncode == 0, rated.stdout[-2000:]


def test_unit_waits_for_the_drain(tmp_path):
    text = (install(tmp_path, "/usr") / "lib/systemd/system/aircheck.service").read_text()
    shell, = re.findall(r"^ExecStop=-/bin/sh -c '(.*)'$", text, re.MULTILINE)
    service = subprocess.Popen(["bash", "-c", "trap 'echo one; sleep 2; echo over; exit' TERM; echo up; while :; do sleep 0.1; done"],
                               stdout=subprocess.PIPE, text=True)
    threading.Thread(target=service.wait, daemon=True).start()  # as systemd does: nothing waits for a zombie
    assert service.stdout.readline() == "up\n"
    done = subprocess.run(["sh", "-c", shell.replace("$$", "$")], env={**os.environ, "MAINPID": str(service.pid)}, timeout=300)
    assert done.returncode == 0
    assert service.stdout.read() == "one\nover\n"


def test_package_is_clean(package):
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", package],
        text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_lives_its_life(package, debian, tmp_path):
    debian.install(package)
    assert debian.run("aircheck", "--version").stdout == f"aircheck {VERSION}\n"
    assert debian.stat(DATA) == "750 aircheck:aircheck"
    assert debian.stat("/etc/aircheck") == "750 root:aircheck"
    assert debian.stat(CONFIG) == "640 root:aircheck"
    assert debian.run("getent", "passwd", "aircheck").stdout.strip().split(":")[5:] == [DATA, "/usr/sbin/nologin"]
    # Neither started nor enabled: it has no server yet.
    assert not debian.exists("/etc/systemd/system/multi-user.target.wants/aircheck.service")

    port = free_port()
    service = debian.start(
        "serve", "aircheck", "serve", "--config", CONFIG, "--bind", f"127.0.0.1:{port}", user="aircheck",
        group="aircheck", cwd=DATA, folder=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}"
        assert service.wait_until(lambda: answers(f"{url}/healthz"), "no /healthz").text.strip() == "ok"
        assert requests.get(f"{url}/readyz", timeout=30).status_code == 200
        run("kill", "-TERM", service_pid(service))
        assert service.wait() == 0, service.tail()
    finally:
        service.stop()
    assert debian.stat(f"{DATA}/aircheck.db") == "600 aircheck:aircheck"

    # An upgrade keeps what its owner wrote, and who may read it.
    debian.run("sh", "-c", f"echo 'api_key: mine' >>{CONFIG} && chmod 0600 {CONFIG} && chown aircheck {CONFIG}")
    debian.install(make_package(tmp_path / "newer", NEWER))
    assert debian.run("dpkg-query", "-Wf", "${Version} ${db:Status-Status}", "aircheck").stdout == f"{NEWER}-1 installed"
    assert "api_key: mine" in debian.run("cat", CONFIG).stdout
    assert debian.stat(CONFIG) == "600 aircheck:aircheck"

    debian.run("apt-get", "-y", "-qq", "remove", "aircheck")
    assert not debian.exists("/usr/bin/aircheck")
    assert debian.exists(CONFIG)
    debian.run("mkdir", "-p", f"{DATA}/recordings/calls")
    purged = debian.run("apt-get", "-y", "-qq", "purge", "aircheck")
    assert f"kept in {DATA}" in purged.stdout
    assert not debian.exists("/etc/aircheck")
    assert debian.exists(f"{DATA}/recordings/calls")
    debian.run("sh", "-c", f"rm -r {DATA}/*")
    debian.install(package)
    debian.run("apt-get", "-y", "-qq", "purge", "aircheck")
    assert not debian.exists(DATA)


def service_pid(process):
    """The innermost of the wrappers' children: the program itself."""
    pid = process.popen.pid
    while children := pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


def test_dockerfile_follows_the_linter():
    done = subprocess.run([ROOT / ".peers/deploy/bin/hadolint", ROOT / "Dockerfile"], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_image_takes_the_place_of_livekit_egress(package, debian, tmp_path):
    image = Image((ROOT / "Dockerfile").read_text(), debian, context=ROOT,
                  mounts={("build", "/src/build/package"): [package]})
    assert image.user != "0:0"
    # As livekit/egress's users run it: -e EGRESS_CONFIG_FILE=/out/config.yaml -v …:/out
    port, health_port = free_port(), free_port()
    debian.write("/out/config.yaml", f"""
api_key: devkey
api_secret: secret-of-the-tests-0123456789abcdef
ws_url: ws://127.0.0.1:{free_port()}
health_port: {health_port}
http: {{bind: "127.0.0.1:{port}"}}
insecure: true
""")
    container = image.start(tmp_path, env={"EGRESS_CONFIG_FILE": "/out/config.yaml"})
    try:
        answer = container.wait_until(lambda: answers(f"http://127.0.0.1:{health_port}/"), "no health port")
        assert "CpuLoad" in answer.json()
        pid = service_pid(container)
        user, group = image.user.split(":")
        probe = ["nsenter", "--target", pid, "--pid", "--mount", "--root", f"--wd={debian.inside(image.workdir)}",
                 "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "env", "-i",
                 "PATH=/usr/local/bin:/usr/bin:/bin"]
        assert run(*probe, "EGRESS_CONFIG_FILE=/out/config.yaml", *image.healthcheck, check=False).returncode == 0
        # One that does not answer is not well.
        run("kill", "-STOP", pid)
        asleep = run(*probe, "EGRESS_CONFIG_FILE=/out/config.yaml", "timeout", "3", *image.healthcheck, check=False)
        run("kill", "-CONT", pid)
        assert asleep.returncode != 0
        run("kill", f"-{signal.Signals[image.stop_signal].value}", pid)
        assert container.wait() == 0, container.tail()
    finally:
        container.stop()
    assert debian.stat(f"{DATA}/aircheck.db") == "600 aircheck:root"
    settings = debian.run("env", "-C", image.workdir, "aircheck", "serve", "--print-config").stdout
    assert f"data_dir: {DATA}  # .env" in settings
    assert "directory: /out  # .env" in settings
