"""A real Redis, without persistence: what it held is gone after a restart."""

import pathlib

from support.process import Process, free_port, is_listening


class Redis:
    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = Process(
            f"redis-{self.port}",
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self._folder],
            folder=self._folder)
        self.process.wait_until(lambda: is_listening("127.0.0.1", self.port), "does not listen")

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.kill()
