"""Replays the last stage of a Dockerfile in a Debian root: no container engine runs where the tests do."""

import json
import pathlib
import re
import shlex


def instructions(text):
    """(NAME, arguments) of each, continuation lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages(text):
    out = []
    for name, arguments in instructions(text):
        if name == "FROM":
            out.append([])
        out[-1].append((name, arguments))
    return out


class Image:
    """What a stage leaves: files in `root`, and how it is to be run."""

    def __init__(self, text, root, *, context, mounts):
        """`mounts`: what lies here for each (stage, path) that RUN --mount=type=bind names."""
        self.root = root
        self.env, self.user, self.workdir = {}, "0:0", "/"
        self.entrypoint, self.command, self.healthcheck, self.stop_signal = [], [], [], "SIGTERM"
        self._context, self._mounts = pathlib.Path(context), mounts
        for name, arguments in stages(text)[-1]:
            getattr(self, "_" + name.lower())(arguments)

    def _from(self, image):
        assert image.startswith("debian:"), image

    def _run(self, arguments):
        mounted = []
        while match := re.match(r"--mount=(\S+)\s+(.*)", arguments):
            fields = dict(field.split("=", 1) for field in match[1].split(","))
            assert fields.pop("type") == "bind", match[1]
            target = fields["target"]
            for source in self._mounts[fields["from"], fields["source"]]:
                self.root.copy(source, f"{target}/{source.name}")
            mounted.append(target)
            arguments = match[2]
        self.root.run("sh", "-c", arguments, env=self.env)
        for target in mounted:
            self.root.run("rm", "-r", target)

    def _copy(self, arguments):
        source, target = arguments.split()
        path = self._context / source
        self.root.copy(path, target, mode=oct(path.stat().st_mode & 0o777)[2:])

    def _workdir(self, path):
        self.root.run("mkdir", "-p", path)
        self.workdir = path

    def _user(self, user):
        self.user = user

    def _env(self, arguments):
        self.env.update(field.split("=", 1) for field in shlex.split(arguments))

    def _entrypoint(self, arguments):
        self.entrypoint = json.loads(arguments)

    def _cmd(self, arguments):
        self.command = json.loads(arguments)

    def _healthcheck(self, arguments):
        self.healthcheck = json.loads(arguments.split("CMD", 1)[1])

    def _stopsignal(self, name):
        self.stop_signal = name

    def _label(self, arguments):
        assert all("=" in field for field in shlex.split(arguments))

    def _expose(self, port):
        assert port.isdecimal()

    def start(self, folder, *, env=None):
        """As `docker run` does."""
        user, group = self.user.split(":")
        return self.root.start("image", *self.entrypoint, *self.command, user=user, group=group,
                               env={**self.env, **(env or {})}, cwd=self.workdir, folder=folder)
