"""A redis-server on loopback for as long as a scenario asks it, without persistence."""

from __future__ import annotations

import pathlib
import shutil
import socket
import subprocess
import time

from context import BenchError

START_SECONDS = 20


def installed() -> bool:
    return shutil.which("redis-server") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """As a context it gives the address, once Redis answers."""

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True)
        self.port, self.log = free_port(), folder / "redis.log"
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir",
             str(folder), "--logfile", str(self.log)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return f"127.0.0.1:{self.port}"
            except OSError:
                time.sleep(0.02)
        self.__exit__()
        log = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else "it wrote no log"
        raise BenchError(f"redis-server on port {self.port} does not answer: {log[-500:]}")

    def __exit__(self, *unused) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=60)
