"""A server run as a child for as long as a scenario asks it."""

from __future__ import annotations

import pathlib
import shlex
import signal
import subprocess

from context import BenchError


class Server:
    """A child that prints a ready line; stopped by SIGTERM. As a context it gives the address of its gRPC port."""

    def __init__(self, command: list[str], log: pathlib.Path):
        self.command, self.log = command, log
        with open(log, "wb") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                                            text=True)

    def __enter__(self) -> str:
        for line in self.process.stdout:
            for word in line.split():
                if word.startswith("grpc="):
                    return word.removeprefix("grpc=")
        self.process.wait(timeout=30)
        raise BenchError(f"{shlex.join(self.command)}: exit {self.process.returncode}: "
                         f"{self.log.read_text(encoding='utf-8')[-500:]}")

    def __exit__(self, *unused) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.process.stdout.close()
