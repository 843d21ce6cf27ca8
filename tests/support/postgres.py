"""A real PostgreSQL on loopback, in a folder of its own; its data outlive a restart."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from support.process import Process, free_port, is_listening


class Postgres:
    def __init__(self, folder):
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        assert versions, "PostgreSQL is missing: run tools/bootstrap build peers"
        self._bin = versions[-1]
        self._logs = pathlib.Path(folder)
        # Where user postgres may go: the server refuses to run as root.
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="aircheck-pg-", dir="/tmp"))
        self._as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.port = free_port()
        self._databases = 0
        subprocess.run(
            [*self._as_user, self._bin / "initdb", "-D", self._folder / "data", "-U", "aircheck", "--auth=trust",
             "--no-sync", "-E", "UTF8", "--locale=C"], check=True, cwd=self._folder, stdout=subprocess.DEVNULL)
        self.start()

    def start(self):
        self.process = Process(
            f"postgres-{self.port}",
            [*self._as_user, self._bin / "postgres", "-D", self._folder / "data", "-k", self._folder, "-p", self.port,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            folder=self._logs, cwd=self._folder)
        self.process.wait_until(lambda: self._answers(), "does not answer")

    def _answers(self):
        return is_listening("127.0.0.1", self.port) and self.sql("SELECT 1", check=False) == ["1"]

    def end(self):
        """As an administrator would: sessions are broken off."""
        self.process.stop(number=signal.SIGINT)

    def kill(self):
        """As when its machine goes; all that was committed is there after start()."""
        self.process.kill()

    def stop(self):
        self.process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database="postgres"):
        return f"postgres://aircheck:secret@127.0.0.1:{self.port}/{database}"

    def new_database(self):
        self._databases += 1
        name = f"records{self._databases}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement, *, url=None, check=True):
        """The answer's lines, columns separated by |."""
        done = subprocess.run(
            [self._bin / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", url or self.url(), "-c", statement],
            text=True, capture_output=True)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.splitlines()
