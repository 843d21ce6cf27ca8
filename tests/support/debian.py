"""A fresh Debian (or Ubuntu) of this machine's release in a folder, in which packages are installed and run."""

import os
import pathlib
import subprocess

from support.process import Process

# Needs root, as debootstrap and chroot do.
ROOT_FIRST = [] if os.geteuid() == 0 else ["sudo"]
LIMIT = 900


def run(*command, check=True, **more):
    """Runs it as root; its output is in the failure's words."""
    done = subprocess.run(
        [*ROOT_FIRST, *map(str, command)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
        stdin=subprocess.DEVNULL, **more)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-4000:]}"
    return done


def _sources():
    """apt's own, as lines: the first is the release itself."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"],
        text=True, check=True, capture_output=True).stdout
    targets = [line.split("|") for line in listed.splitlines()]
    codename = _os_release()["VERSION_CODENAME"]
    found = {(uri, release, component) for origin, made_by, uri, release, component in targets
             if origin in ("Debian", "Ubuntu") and made_by == "Packages" and release.startswith(codename)
             and not release.endswith("-backports")}
    assert found, "apt knows no mirror of this release: run apt-get update"
    return sorted(found, key=lambda source: len(source[1]))


def _os_release():
    lines = pathlib.Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, value in (line.split("=", 1) for line in lines if "=" in line)}


class DebianRoot:
    """A minimal system in `folder`, made by debootstrap."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder)
        cache = pathlib.Path(os.environ.get("AIRCHECK_CACHE", pathlib.Path.home() / ".cache/aircheck"), "debootstrap")
        cache.mkdir(parents=True, exist_ok=True)
        sources = _sources()
        mirror, codename, _ = sources[0]
        # It lives for minutes: nothing in it is worth waiting for the disk.
        run("eatmydata", "debootstrap", "--variant=minbase", f"--cache-dir={cache}", codename, self.path, mirror)
        self.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
        self.write("/etc/apt/sources.list", "".join(f"deb {' '.join(source)}\n" for source in sources))
        # As Debian's own images have it: nothing is started while packages are installed.
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode="0755")
        self.run("apt-get", "-qq", "update")

    def write(self, path, text, *, mode="0644"):
        done = subprocess.run(
            [*ROOT_FIRST, "install", "-D", "-m", mode, "/dev/stdin", self.inside(path)], input=text, text=True)
        assert done.returncode == 0, path

    def copy(self, source, path, *, mode="0644"):
        run("install", "-D", "-m", mode, source, self.inside(path))

    def inside(self, path):
        return self.path / str(path).lstrip("/")

    def run(self, *command, env=None, check=True):
        """Runs it in there, as root."""
        return run(*self._enter(env), *command, check=check)

    def install(self, deb, *options):
        self.copy(deb, f"/tmp/{deb.name}")
        return self.run("apt-get", "-y", "-qq", *options, "install", "--no-install-recommends", f"/tmp/{deb.name}")

    def stat(self, path):
        """"mode user:group", with the names that are known in there."""
        return self.run("stat", "-c", "%a %U:%G", path).stdout.strip()

    def exists(self, path):
        return run("test", "-e", self.inside(path), check=False).returncode == 0

    def start(self, name, *command, user, group, env=None, cwd="/", folder):
        """Starts it in there without root's rights and as process 1 of its own, as a container does."""
        inner = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
                 "env", "-C", cwd, *command]
        return Process(
            name, [*ROOT_FIRST, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc=" + str(self.inside("/proc")),
                   *self._enter(env), *inner], folder=folder)

    def _enter(self, env):
        settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                    "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
        return ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), "chroot", str(self.path)]

    def remove(self):
        # Nothing is mounted in there that outlives its processes.
        run("rm", "-rf", self.path)
