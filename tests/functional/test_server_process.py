"""The process: flags and configuration, the ready line, admin pages, logs, signals, exit codes."""
import json
import re
import signal
import socket
import subprocess
import threading

import grpc
import pytest

import bundles
from server_client import for_user, http, metric, wait_until


@pytest.fixture
def run(bin_dir, tmp_path):
    """Runs kindred-server to its end."""

    def finish(*args):
        return subprocess.run([str(bin_dir / "kindred-server"), *map(str, args)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, cwd=tmp_path)

    return finish


def test_help_and_version(run):
    help_text = run("--help")
    assert help_text.returncode == 0
    for flag in ("--config", "--models", "--listen", "--admin", "--admin-grpc", "--profiles", "--items", "--model-state",
                 "--check-config", "--version"):
        assert flag in help_text.stdout
    version = run("--version")
    assert version.returncode == 0 and re.fullmatch(r"kindred-server \d+\.\d+\.\d+\n", version.stdout)


@pytest.mark.parametrize("args", [["--nonsense"], ["stray"], ["--profiles", "reddis:x"], ["--config", "missing.yaml"]])
def test_wrong_usage_exits_2(run, args):
    result = run(*args)
    assert result.returncode == 2
    assert args[-1].split(":")[0] in result.stderr


def test_check_config(run, tmp_path, repo):
    good = tmp_path / "good.yaml"
    good.write_text("listen: 127.0.0.1:0\nshutdown: {lame_duck: 250ms}\n")
    result = run("--config", good, "--check-config")
    assert (result.returncode, result.stderr) == (0, "")
    assert "configuration ok" in result.stdout

    bad = tmp_path / "bad.yaml"
    bad.write_text("# comment\nlisten: 127.0.0.1:0\nprofiles:\n  embeded:\n    dir: x\n")
    result = run("--config", bad, "--check-config")
    assert result.returncode == 1
    assert f"{bad}:4: 'profiles' has no field 'embeded' (did you mean 'embedded'?)" in result.stderr

    sample = (repo / "deploy/kindred-server.yaml").read_text()
    assert run("--config", repo / "deploy/kindred-server.yaml", "--check-config").returncode == 0
    # With redis in place of embedded, every line of it.
    password = tmp_path / "password"
    password.write_text("secret\n")
    redis = re.sub(r"^  embedded:\n(    .*\n)+", "", sample, flags=re.M)
    redis = re.sub(r"^  # (?=redis:|  )", "  ", redis, flags=re.M)
    redis = redis.replace("# username: kindred", "username: kindred")
    redis = redis.replace("# password_file: /etc/kindred/redis-password", f"password_file: {password}")
    redis = redis.replace("# tls: {enabled: true, ca_file: /etc/kindred/redis-ca.pem}", "tls: {enabled: true}")
    with_redis = tmp_path / "redis.yaml"
    with_redis.write_text(redis)
    result = run("--config", with_redis, "--check-config")
    assert result.returncode == 0, result.stderr
    for line in ("max_backlog: 1000000", "username: \"kindred\"", "enabled: true", "mode: REDIS_MODE_SINGLE"):
        assert line in result.stdout
    password.unlink()
    result = run("--config", with_redis, "--check-config")
    assert result.returncode == 1
    assert f"profiles.redis.password_file '{password}' cannot be read: No such file or directory" in result.stderr


def test_a_configuration_file_is_used_and_flags_override_it(server, raw_store, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text(f"models: {{dir: /nowhere}}\nprofiles: {{embedded: {{dir: {tmp_path / 'p'}}}}}\n"
                      "logging: {level: debug, format: text}\n")
    process = server(raw_store, "--config", config)
    assert not (tmp_path / "p").exists()  # --profiles memory won
    assert " info ready grpc=" in process.log()


@pytest.mark.parametrize("store, said", [
    ("missing", "is not a directory"),
    ("empty", "looked for <model>/<version>/bundle.safetensors"),
    ("damaged", "none of the 1 versions"),
])
def test_no_model_is_fatal_and_says_what_was_looked_for(server, tmp_path, store, said):
    root = tmp_path / "models"
    if store != "missing":
        root.mkdir()
    if store == "damaged":
        bundle = bundles.write_raw_store(root) / "tiny/1/bundle.safetensors"
        bundle.write_bytes(bundle.read_bytes()[:-1])
    process = server(root, wait=False)
    assert process.process.wait(timeout=30) == 1
    last = json.loads(process.log().splitlines()[-1])
    assert last["level"] == "error" and said in last["error"] and str(root) in last["error"]
    assert "--models" in last["error"]


def test_an_older_version_serves_when_the_newest_is_damaged(server, tmp_path, channel, stubs):
    root = bundles.write_raw_store(tmp_path / "models")
    damaged = root / "tiny/2/bundle.safetensors"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not a bundle")
    process = server(root)
    assert stubs.Stub(channel(process.address)).Recommend(for_user(stubs, "u0"), timeout=10).version == "1"
    refused = [json.loads(line) for line in process.log().splitlines() if "refused" in line]
    assert refused[0]["version"] == 2 and refused[0]["error"]


@pytest.mark.parametrize("flag", ["--listen", "--admin", "--admin-grpc"])
def test_a_taken_port_is_fatal_and_named(run, raw_store, flag):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        addresses = {"--listen": "127.0.0.1:0", "--admin": "127.0.0.1:0", "--admin-grpc": "127.0.0.1:0", flag: address}
        result = run("--models", raw_store, "--profiles", "memory", *(word for pair in addresses.items() for word in pair))
    assert result.returncode == 1
    assert address in result.stderr and result.stdout == ""


def test_the_ready_line_names_bound_addresses(server, raw_store):
    process = server(raw_store)
    match = re.fullmatch(r"kindred-server ready: grpc=127\.0\.0\.1:(\d+) admin=127\.0\.0\.1:(\d+) "
                         r"admin_grpc=127\.0\.0\.1:(\d+)", process.ready_line)
    assert match and 0 not in map(int, match.groups())


def test_admin_pages(server, raw_store, stubs, channel):
    process = server(raw_store)
    assert http(process.admin, "/livez")[:2] == (200, "alive\n")
    assert http(process.admin, "/readyz")[:2] == (200, "ready\n")
    status, page, headers = http(process.admin, "/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    for text in ("ready", "tiny", "memory", process.address, process.admin_grpc, "Recommend", "SetAvailability"):
        assert text in page
    assert http(process.admin, "/nope")[0] == 404
    assert http(process.admin, "/metrics", method="POST")[0] == 405


def test_metrics_are_well_formed(server, raw_store, stubs, channel):
    process = server(raw_store)
    stub = stubs.Stub(channel(process.address))
    stub.Recommend(for_user(stubs, "u0"), timeout=10)
    status, text, headers = http(process.admin, "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    typed, sampled = set(), set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            assert line.split()[2] not in typed, f"{line}: twice"
            typed.add(line.split()[2])
        elif not line.startswith("#"):
            match = re.fullmatch(r'([a-z_]+)(\{([a-z_]+="[^"]*",?)*\})? (\S+)', line)
            assert match, line
            float(match[4])
            sampled.add(re.sub(r"_(bucket|sum|count)$", "", match[1]))
    assert typed == sampled
    assert metric(process.admin, "kindred_ready") == 1
    assert metric(process.admin, "kindred_model_info", model="tiny", version="1") == 1
    assert metric(process.admin, "kindred_model_items", model="tiny") == 6
    assert metric(process.admin, "kindred_profile_store_info", store="memory") == 1
    assert "user" not in {label for label in re.findall(r'(\w+)="', text)}


def test_logs_are_json_lines_without_user_ids(server, raw_store, stubs, channel):
    process = server(raw_store)
    stub = stubs.Stub(channel(process.address))
    stub.Recommend(for_user(stubs, "a-private-person"), timeout=10)
    with grpc.insecure_channel(process.address) as raw, pytest.raises(grpc.RpcError):
        raw.unary_unary("/kindred.v1.RecommendationService/Recommend")(b"\x12\x03\x0a\x01\xff", timeout=10)
    process.stop()
    lines = [json.loads(line) for line in process.log().splitlines()]
    assert {"time", "level", "msg"} <= set.intersection(*(set(line) for line in lines))
    messages = [line["msg"] for line in lines]
    assert messages[0] == "starting" and messages[-1] == "stopped" and "ready" in messages
    assert "a-private-person" not in process.log()
    loaded = next(line for line in lines if line["msg"] == "model loaded")
    assert loaded["model"] == "tiny" and loaded["items"] == 6 and "derive_seconds" in loaded


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_with_0(server, raw_store, number):
    process = server(raw_store)
    process.process.send_signal(number)
    assert process.process.wait(timeout=30) == 0


def test_sigterm_under_load_drains_and_exits_0(server, raw_store, stubs, tmp_path):
    """Every call that was answered was answered well; the rest were told that the server goes."""
    process = server(raw_store, profiles=f"embedded:{tmp_path / 'profiles'}")
    answered, refused, wrong = [0], [0], []

    def load(n):
        with grpc.insecure_channel(process.address, [("grpc.use_local_subchannel_pool", 1)]) as each:
            stub = stubs.Stub(each)
            for i in range(10**6):
                try:
                    if i % 5 == 0:
                        stub.UpdateProfile(stubs.pb.UpdateProfileRequest(
                            user_id=f"load-{n}", events=[stubs.event.Event(item_id="i0")]), timeout=10)
                    elif len(stub.Recommend(for_user(stubs, "u0"), timeout=10).items) != 6:
                        wrong.append("short answer")
                    answered[0] += 1
                except grpc.RpcError as error:
                    if error.code() == grpc.StatusCode.UNAVAILABLE:
                        refused[0] += 1
                    else:
                        wrong.append(error)
                    return

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: answered[0] > 200, what="load")
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(timeout=30) == 0
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert not wrong, wrong
    assert refused[0] == 4


def test_readyz_and_health_say_no_before_the_port_closes(server, raw_store, tmp_path, stubs, channel):
    config = tmp_path / "server.yaml"
    config.write_text("shutdown: {lame_duck: 2s}\n")
    process = server(raw_store, "--config", config)
    stub = stubs.Stub(channel(process.address))
    process.process.send_signal(signal.SIGTERM)
    wait_until(lambda: http(process.admin, "/readyz")[0] == 503, what="/readyz to say no")
    assert http(process.admin, "/readyz")[1] == "not ready: draining\n"
    assert http(process.admin, "/livez")[0] == 200
    assert metric(process.admin, "kindred_ready") == 0
    assert stub.Recommend(for_user(stubs, "u0"), timeout=10).items  # a lame duck still answers
    assert process.process.wait(timeout=30) == 0


def test_a_second_signal_ends_it_at_once(server, raw_store, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text("shutdown: {lame_duck: 5m}\n")
    process = server(raw_store, "--config", config)
    process.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in process.log(), what="the first signal to be seen")

    def again():
        if process.process.poll() is None:
            process.process.send_signal(signal.SIGTERM)
        return process.process.poll() is not None

    wait_until(again, what="the end")
    assert process.process.returncode == 128 + signal.SIGTERM
