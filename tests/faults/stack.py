"""What a case is made of: a model, servers, Redis, proxies and loads, all of which end with it."""

from __future__ import annotations

import contextlib
import pathlib
import time
from typing import Any

import numpy as np

import bundles
from answers import Checker, Known
from context import BenchError, Context
from fault_proxy import FaultProxy
from fault_row import row, seed
from load_process import Load, check_ledger, run_load
from operators import Operator
from proto_stubs import Stubs
from redis_process import RedisCluster, RedisProcess, free_port
from server_client import http, metric, wait_until  # noqa: F401
from server_process import ServerProcess

ITEMS, DIMENSIONS = 2_000, 16
QUIET = "logging: {level: warn}"
BREAKER_STATE = "kindred_redis_breaker_state"


class Stack:
    """Entered by a case; on exit loads are killed, servers stopped (they must exit 0), proxies closed, Redis stopped.

    `store`: the name of a model store that the case fills itself; without it there is one with one model.
    """

    def __init__(self, context: Context, store: str | None = None):
        self.context, self.seed = context, seed()
        self._exits = contextlib.ExitStack()
        self._fill = store is None
        self.models = context.work_dir / (store or "models")

    def __enter__(self) -> "Stack":
        if self._fill and not self.models.exists():
            random = np.random.default_rng(7)  # the model is the same whatever the seed of the faults
            bundles.write_raw_bundle(self.models / "faults" / "1" / "bundle.safetensors", ["trained"],
                                     random.normal(size=(1, DIMENSIONS)), [f"item-{n}" for n in range(ITEMS)],
                                     random.normal(size=(ITEMS, DIMENSIONS)))
        return self

    def __exit__(self, *raised: Any) -> bool | None:
        return self._exits.__exit__(*raised)

    def redis(self, **options: Any) -> RedisProcess:
        return self._exits.enter_context(RedisProcess(self.context.work_dir / f"redis-{time.monotonic_ns()}", **options))

    def cluster(self) -> RedisCluster:
        return self._exits.enter_context(RedisCluster(self.context.work_dir / "cluster"))

    def proxy(self, redis: RedisProcess) -> FaultProxy:
        return self._exits.enter_context(FaultProxy(redis.port, seed=self.seed))

    def server(self, profiles: str, *, port: int | None = None, ready: bool = True, settings: str = QUIET) -> "Server":
        """`profiles`: YAML of `profiles:`, such as redis_profiles gives. `settings`: the rest of its configuration."""
        folder = self.context.work_dir / f"server-{len(list(self.context.work_dir.glob('server-*'))) + 1}"
        folder.mkdir()
        server = Server(self.context, self.models, folder, f"profiles: {profiles}\n{settings}\n",
                        port or free_port())
        self._exits.callback(server.close)
        return server.start() if ready else server

    def embedded_profiles(self, name: str = "profiles") -> str:
        return f"{{embedded: {{dir: {self.context.work_dir / name}}}}}"

    def redis_profiles(self, endpoints: list[str], name: str, **keys: str) -> str:
        """`name`: of the journal. `keys`: more of profiles.redis, as YAML."""
        more = "".join(f", {key}: {value}" for key, value in keys.items())
        quoted = ", ".join(f'"{endpoint}"' for endpoint in endpoints)
        return f"{{redis: {{endpoints: [{quoted}], journal: {{dir: {self.context.work_dir / name}}}{more}}}}}"

    def operator(self, stubs: Stubs, server: "Server") -> Operator:
        """Of the process that runs now: one that is started again has another admin port."""
        operator = Operator(stubs, server.process.admin_grpc)
        self._exits.callback(operator.close)
        return operator

    def checker(self, known: Known, server: "Server", pause_s: float = 0.005) -> Checker:
        checker = Checker(known, server.address, pause_s)
        self._exits.callback(checker.stop)
        return checker

    def load(self, servers: list["Server"], *flags: object) -> Load:
        load = Load(self.context, [server.address for server in servers], *flags)
        self._exits.callback(load.close)
        return load

    def run_load(self, servers: list["Server"], *flags: object, timeout_s: float = 600) -> dict:
        return run_load(self.context, [server.address for server in servers], *flags, timeout_s=timeout_s)

    def give_profiles(self, server: "Server", users: int, prefix: str = "load-") -> None:
        """An update to each of the users whom a load generates, all of which must be acknowledged."""
        total = self.run_load([server], "--updates", 1, "--calls", users, "--duration", 600, "--callers", 32,
                              "--generate-users", users, "--user-prefix", prefix)
        if total["acknowledged"] != users:
            raise BenchError(f"only {total['acknowledged']} of {users} users have a profile: {total['calls']}")

    def check(self, ledger: pathlib.Path, servers: list["Server"], within_s: float = 20) -> dict:
        return check_ledger(self.context, ledger, [server.address for server in servers], within_s)


class Server:
    """A kindred-server on one port however often it is started."""

    def __init__(self, context: Context, models: pathlib.Path, folder: pathlib.Path, config: str, port: int):
        self.binary, self.folder, self.address = context.binary("kindred-server"), folder, f"127.0.0.1:{port}"
        self.config = folder / "server.yaml"
        self.config.write_text(config, encoding="utf-8")
        self.args = ["--config", self.config, "--models", models, "--listen", self.address, "--admin", "127.0.0.1:0",
                     "--admin-grpc", "127.0.0.1:0", "--items", folder / "items", "--model-state", folder / "model-state"]
        self.process: ServerProcess | None = None

    def start(self) -> "Server":
        self.process = ServerProcess(self.binary, self.args, self.folder / "server.log").wait_ready()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.process.stdout.close()

    def close(self) -> None:
        if self.process is not None and self.process.process.poll() is None:
            self.process.stop()

    def metric(self, name: str, **labels: str) -> float:
        return metric(self.process.admin, name, **labels)

    def metrics(self) -> str:
        return http(self.process.admin, "/metrics")[1]

    def resident_bytes(self) -> float:
        return self.metric("process_resident_memory_bytes")

    def breaker_closed(self) -> bool:
        return BREAKER_STATE in self.metrics() and self.metric(BREAKER_STATE) == 0

    def wait_breaker_closed(self, seconds: float = 30) -> float:
        """How long it took."""
        begin = time.monotonic()
        wait_until(self.breaker_closed, seconds, "the breaker to close")
        return time.monotonic() - begin

    def wait_backlog_empty(self, seconds: float = 60) -> float:
        """Until Redis has everything that was acknowledged. How long it took."""
        begin = time.monotonic()
        wait_until(lambda: self.metric("kindred_profile_backlog") == 0, seconds, "Redis to have everything")
        return time.monotonic() - begin


def losses(case: str, checked: dict, total: dict | None, note: str | None = None) -> list[dict]:
    """The rows that every case with a ledger has."""
    rows = [row(f"{case}/acknowledged updates lost", len(checked["missing"]) + checked["unread"], "", at_most=0,
                note="; ".join(checked["missing"][:5]) or note),
            row(f"{case}/updates doubled", len(checked["doubled"]), "", at_most=0,
                note="; ".join(checked["doubled"][:5]) or None),
            row(f"{case}/updates that could not be told", checked["beyond"], "", at_most=0),
            row(f"{case}/acknowledged updates found", checked["found"], "", at_least=1)]
    if total is not None:
        rows += [row(f"{case}/failed RPCs", total["failed"], f"of {sum_of_calls(total):,}", at_most=0,
                     note=str(total["calls"]) if total["failed"] else None),
                 row(f"{case}/answers with another user's events", total["foreign"], "", at_most=0)]
    return rows


def sum_of_calls(total: dict) -> int:
    return sum(count for codes in total["calls"].values() for count in codes.values())
