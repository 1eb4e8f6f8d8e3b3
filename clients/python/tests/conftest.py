"""Fixtures: the package as it stands in src/, and the built programs (KINDRED_BIN_DIR, as ctest sets it)."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
REPO = PACKAGE.parent.parent
sys.path[:0] = [str(PACKAGE / "src"), str(REPO / "tests/functional")]

from server_process import ServerProcess  # noqa: E402


@pytest.fixture(scope="session")
def package():
    return PACKAGE


@pytest.fixture(scope="session")
def bin_dir():
    path = pathlib.Path(os.environ.get("KINDRED_BIN_DIR", REPO / "build/release/bin")).resolve()
    for name in ("kindred", "kindred-server"):
        assert (path / name).exists(), f"{path / name} does not exist: build it, or set KINDRED_BIN_DIR"
    return path


@pytest.fixture(scope="session")
def kindred_cli(bin_dir):
    """Runs `kindred ARGS…`; returns the finished process."""

    def run(*args):
        return subprocess.run([str(bin_dir / "kindred"), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)

    return run


@pytest.fixture
def valid(kindred_cli):
    """Asserts that `kindred verify` and, where it packs, `kindred pack` accept a bundle."""

    def check(path):
        result = kindred_cli("verify", path)
        assert result.returncode == 0 and result.stdout.startswith("VALID"), result.stdout + result.stderr
        packed = path.with_suffix(".packed")
        result = kindred_cli("pack", "--in", path, "--out", packed)
        assert result.returncode == 0, result.stdout + result.stderr
        result = kindred_cli("verify", packed)
        assert result.returncode == 0, result.stdout + result.stderr
        return packed

    return check


@pytest.fixture
def serve(bin_dir, kindred_cli, tmp_path):
    """serve(write) → ask: starts a server over the bundle that write(path) makes; ask(*arguments) is `kindred query`'s JSON."""
    servers = []

    def start(write):
        models = tmp_path / f"models-{len(servers)}"
        path = models / "mine" / "1" / "bundle.safetensors"
        path.parent.mkdir(parents=True)
        write(path)
        args = ["--models", models, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0",
                "--profiles", "memory"]
        server = ServerProcess(bin_dir / "kindred-server", args, tmp_path / f"server-{len(servers)}.log").wait_ready()
        servers.append(server)

        def ask(*args):
            result = kindred_cli("query", *args, "--server", server.address, "--json")
            assert result.returncode == 0, result.stdout + result.stderr
            return json.loads(result.stdout)

        return ask

    yield start
    for server in servers:
        server.stop()
