"""Fixtures of the functional tests: the built programs, real clients, bundles, and servers on free ports.

KINDRED_BIN_DIR names the folder with kindred and kindred-server (ctest sets it).
"""
import os
import pathlib
import subprocess

import grpc
import pytest

import bundles
from proto_stubs import Stubs
from redis_process import RedisProcess
from server_process import FREE_PORTS, ServerProcess

REPO = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def repo():
    return REPO


@pytest.fixture(scope="session")
def bin_dir():
    path = pathlib.Path(os.environ.get("KINDRED_BIN_DIR", REPO / "build/release/bin")).resolve()
    for name in ("kindred", "kindred-server"):
        assert (path / name).exists(), f"{path / name} does not exist: build it, or set KINDRED_BIN_DIR"
    return path


@pytest.fixture(scope="session")
def sample_data():
    """tests/data/completejourney: transactions.csv.gz and products.csv.gz."""
    return REPO / "tests/data/completejourney"


@pytest.fixture(scope="session")
def kindred(bin_dir):
    """Runs `kindred ARGS…`; returns the finished process with text stdout and stderr. Never raises on exit codes."""

    def run(*args, timeout=120, **kwargs):
        return subprocess.run([str(bin_dir / "kindred"), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout, **kwargs)

    return run


@pytest.fixture(scope="session")
def grpcurl():
    """Runs grpcurl (plaintext) and returns its stdout; fails the test on a non-zero exit unless check=False."""
    path = pathlib.Path(os.environ.get("KINDRED_GRPCURL", REPO / "build/tools/bin/grpcurl"))
    if not path.exists():
        pytest.skip(f"no grpcurl at {path}: scripts/install_grpcurl.sh builds it (needs the Go module proxy)")

    def run(*args, check=True, timeout=60):
        result = subprocess.run([str(path), "-plaintext", *map(str, args)], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=timeout)
        if check:
            assert result.returncode == 0, f"grpcurl {args}: exit {result.returncode}\n{result.stdout}{result.stderr}"
            return result.stdout
        return result

    return run


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    return Stubs(tmp_path_factory.mktemp("stubs"))


@pytest.fixture(scope="session")
def sample_store(bin_dir, sample_data):
    """Model store with the trained grocery sample as model `groceries`, version 1."""
    cache = pathlib.Path(os.environ.get("KINDRED_BUILD_DIR", bin_dir.parent)) / "functional"
    return bundles.trained_store(bin_dir / "kindred", sample_data, cache)


@pytest.fixture(scope="session")
def sample_bundle(sample_store):
    return sample_store / "groceries" / "1" / "bundle.safetensors"


@pytest.fixture
def raw_store(tmp_path):
    """Model store with one raw bundle, `tiny` version 1 (see bundles.py for its numbers)."""
    return bundles.write_raw_store(tmp_path / "raw_models")


@pytest.fixture
def server(bin_dir, tmp_path, request):
    """Starts servers: server(models, *flags, profiles="memory", items=tmp_path / "items", wait=True) → a ready ServerProcess.

    All still running at the end of the test get SIGTERM and must exit 0.
    """
    started = []

    def start(models, *flags, profiles="memory", items=None, wait=True, env=None):
        items = items or tmp_path / "items"
        args = ["--models", models, *FREE_PORTS, "--items", items, "--model-state", f"{items}-models", "--profiles", profiles,
                *flags]
        process = ServerProcess(bin_dir / "kindred-server", args, tmp_path / f"server-{len(started)}.log", env)
        started.append(process)
        return process.wait_ready() if wait else process

    yield start
    running = [process for process in started if process.process.poll() is None]
    errors = []
    for process in running:
        try:
            process.stop()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


@pytest.fixture
def redis(tmp_path):
    """redis(**options) → a RedisProcess that runs; all are stopped."""
    started = []

    def start(**options):
        started.append(RedisProcess(tmp_path / f"redis-{len(started)}", **options).start())
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def redis_server(server, raw_store, tmp_path):
    """redis_server(address, number=0, more="") → a server with profiles in Redis and a journal of its own.

    `address`: an endpoint or several. `more`: lines of YAML below profiles.redis.
    """

    def start(address, number=0, more="", wait=True):
        endpoints = [address] if isinstance(address, str) else address
        config = tmp_path / f"redis-{number}.yaml"
        config.write_text(f"profiles:\n  redis:\n    endpoints: {endpoints}\n"
                          f"    journal: {{dir: {tmp_path / f'journal-{number}'}}}\n{more}")
        return server(raw_store, "--config", config, items=tmp_path / f"items-{number}", profiles="redis", wait=wait)

    return start


@pytest.fixture
def channel():
    """channel(address) → an open grpc.Channel, closed at the end of the test."""
    opened = []

    def open_channel(address):
        opened.append(grpc.insecure_channel(address))
        grpc.channel_ready_future(opened[-1]).result(timeout=30)
        return opened[-1]

    yield open_channel
    for each in opened:
        each.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows what the test's servers wrote when it fails."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and "tmp_path" in getattr(item, "funcargs", {}):
        for log in sorted(item.funcargs["tmp_path"].glob("server-*.log")):
            report.sections.append((log.name, log.read_text(errors="replace")[-8000:]))
