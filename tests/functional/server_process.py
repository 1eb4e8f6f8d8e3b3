"""A kindred-server child process: started on ports of its own choosing, stopped by its pid."""
import os
import pathlib
import re
import select
import signal
import subprocess
import time

FREE_PORTS = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0"]
READY_SECONDS = 60
STOP_SECONDS = 30


class ServerProcess:
    """`args` as on the command line. `address`, `admin` and `admin_grpc` are known once `wait_ready` has returned."""

    def __init__(self, binary, args, log_path, env=None):
        self.log_path = pathlib.Path(log_path)
        self.args = [str(binary), *map(str, args)]
        self.address = self.admin = self.admin_grpc = None
        self.ready_line = ""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env={**os.environ, **(env or {})})
        self._unread = b""

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """Everything on stderr so far."""
        return self.log_path.read_text(errors="replace")

    def _read_line(self, deadline):
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return None
            self._unread += chunk
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode(errors="replace")

    def wait_ready(self, seconds=READY_SECONDS):
        """Reads stdout up to the line that names the bound addresses."""
        deadline = time.monotonic() + seconds
        seen = []
        while (line := self._read_line(deadline)) is not None:
            seen.append(line)
            found = dict(re.findall(r"\b(grpc|admin|admin_grpc)=(\S+)", line))
            if "grpc" in found:
                self.ready_line, self.address = line, found["grpc"]
                self.admin, self.admin_grpc = found.get("admin"), found.get("admin_grpc")
                return self
        self.kill()
        raise AssertionError(f"no ready line within {seconds} s from {' '.join(self.args)}\n"
                             f"exit code: {self.process.returncode}\nstdout: {seen}\nstderr:\n{self.log()}")

    def stop(self, expected=0):
        """SIGTERM, then waits: the server drains and exits 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {STOP_SECONDS} s after SIGTERM\nstderr:\n{self.log()}") from None
        finally:
            self.process.stdout.close()
        assert code == expected, f"exit code {code}, expected {expected}\nstderr:\n{self.log()}"

    def kill(self):
        """SIGKILL, as a crash would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=STOP_SECONDS)
