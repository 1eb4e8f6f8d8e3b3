"""`kindred load`: what it sends, what it says of it, and that its ledger finds what is missing, doubled or another's."""
import json
import re
import signal
import subprocess
import time

import numpy as np
import pytest

import bundles
from server_client import event, metric, wait_until
from server_process import ServerProcess

ITEMS = [f"item-{n}" for n in range(200)]


@pytest.fixture
def models(tmp_path):
    random = np.random.default_rng(1)
    bundles.write_raw_bundle(tmp_path / "models/wide/1/bundle.safetensors", ["trained"], random.normal(size=(1, 4)), ITEMS,
                             random.normal(size=(len(ITEMS), 4)))
    return tmp_path / "models"


@pytest.fixture
def running(server, models, tmp_path):
    return server(models, profiles=f"embedded:{tmp_path / 'profiles'}")


@pytest.fixture
def load(kindred):
    """load(servers, flags…) → (the finished process, head, seconds, total)."""

    def run(servers, *flags, code=0):
        result = kindred("load", "--json", *flags, *(w for s in servers for w in ("--server", s.address)))
        assert result.returncode == code, result.stdout[-2000:] + result.stderr
        head, *seconds, total = map(json.loads, result.stdout.splitlines())
        return result, head, seconds, total["total"]

    return run


def test_an_open_loop_sends_what_is_due(load, running):
    _, head, seconds, total = load([running], "--rps", 200, "--duration", 2, "--updates", 0.25, "--profile-reads", 0.25,
                                   "--generate-users", 20, "--seed", 5)
    assert head["rps"] == 200 and head["users"] == 20 and head["items"] == 200 and head["seed"] == 5
    assert [line["second"] for line in seconds] == [0, 1]
    assert [sum_of(line) for line in seconds] == [200, 200], "every call counts in the second in which it was due"
    assert sum_of(total) == 400 and total["failed"] == 0 and total["foreign"] == 0
    assert set(total["calls"]) == {"Recommend", "GetProfile", "UpdateProfile"}
    assert total["acknowledged"] == total["calls"]["UpdateProfile"]["OK"]
    assert total["models"] == {"wide 1": 400 - total["acknowledged"]}
    assert set(total["sources"]) <= {"live_profile", "average"} and total["degradations"] == {}
    latency = total["latency_us"]
    assert latency["count"] == 400
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99_9"] <= latency["max"]


def sum_of(line):
    return sum(count for codes in line["calls"].values() for count in codes.values())


def test_calls_spread_over_servers(load, server, models):
    servers = [server(models), server(models)]
    load(servers, "--callers", 4, "--calls", 100, "--updates", 0, "--duration", 60)
    asked = [metric(each.admin, "grpc_server_handled_total", grpc_method="Recommend") for each in servers]
    assert abs(asked[0] - asked[1]) <= 1 and sum(asked) == 101  # one asked for the items


def test_latencies_count_from_when_a_call_was_due(bin_dir, running):
    """A server that stands still for a while shows in all calls that were due meanwhile, not in one."""
    process = subprocess.Popen([bin_dir / "kindred", "load", "--json", "--server", running.address, "--rps", "200", "--duration",
                                "2", "--updates", "0"], stdout=subprocess.PIPE, text=True)
    assert json.loads(process.stdout.readline())["rps"] == 200
    running.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped + 0.6, what="0.6 s to pass")
    running.process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=60)
    total = json.loads(out.splitlines()[-1])["total"]
    assert process.returncode == 0 and total["latency_us"]["count"] == 400
    assert total["latency_us"]["max"] > 500_000
    assert total["latency_us"]["p90"] > 100_000, "a quarter of the calls were due while it stood still"


def test_failures_are_counted_by_code_and_are_the_exit_code(load, running, tmp_path):
    items = tmp_path / "item-ids"
    items.write_text("item-1\nitem-2\n")
    running.process.send_signal(signal.SIGSTOP)
    try:
        _, _, seconds, total = load([running], "--rps", 50, "--duration", 1, "--deadline", 0.2, "--updates", 0.5, "--items",
                                    items, code=1)
    finally:
        running.process.send_signal(signal.SIGCONT)
    assert sum_of(total) == total["failed"] == 50 and total["latency_us"]["count"] == 0
    codes = {code for by_code in total["calls"].values() for code in by_code}
    assert codes == {"DEADLINE_EXCEEDED"}
    assert total["given_up"] == total["calls"]["UpdateProfile"]["DEADLINE_EXCEEDED"] > 0 and total["acknowledged"] == 0


def test_a_ledger_is_kept_and_checked(load, kindred, running, stubs, channel, tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    _, head, _, total = load([running], "--rps", 300, "--duration", 1, "--updates", 0.5, "--generate-users", 10, "--ledger",
                             ledger)
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert len(entries) == total["acknowledged"] > 100
    assert {e["durability"] for e in entries} == {"journal"} and {e["server"] for e in entries} == {running.address}
    assert len({e["update_id"] for e in entries}) == len(entries)
    assert all(e["update_id"].startswith(head["run"]) and not e["duplicate"] for e in entries)
    check = ["load", "--check-ledger", ledger, "--server", running.address, "--json", "--within", "0"]
    result = kindred(*check)
    assert result.returncode == 0, result.stdout
    answer = json.loads(result.stdout)
    assert answer["found"] == len(entries) and answer["users"] == 10 and answer["missing"] == answer["doubled"] == []

    # One more that is not there, and one that is there twice.
    stub = stubs.Stub(channel(running.address))
    first = entries[0]
    time_of = {"seconds": first["time_ms"] // 1000, "nanos": first["time_ms"] % 1000 * 1_000_000}
    stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=first["user"], events=[event(stubs, first["item"], time=time_of)]),
                       timeout=10)
    with open(ledger, "a") as file:
        file.write(json.dumps({**first, "update_id": "never-sent", "time_ms": 1}) + "\n")
    result = kindred(*check)
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert [line.split(" ")[:2] for line in answer["missing"]] == [[first["user"], "never-sent"]]
    assert [line.split(" ")[1] for line in answer["doubled"]] == [first["update_id"]]
    result = kindred(*[word for word in check if word != "--json"])
    assert "1 missing, 1 doubled" in result.stdout and "never-sent" in result.stderr


def test_another_users_events_are_found(load, running, stubs, channel):
    load([running], "--callers", 4, "--calls", 50, "--updates", 1, "--generate-users", 5, "--duration", 60)
    stub = stubs.Stub(channel(running.address))
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="load-0"), timeout=10)
    stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id="load-1", events=[each.event for each in profile.events]),
                       timeout=10)
    shape = ["--callers", 4, "--calls", 100, "--generate-users", 5, "--duration", 60]
    _, _, _, total = load([running], *shape, "--updates", 0, "--profile-reads", 1, code=1)
    assert 0 < total["foreign"] < 100 and total["failed"] == 0
    # Explained loads have users of their own, whatever became of those of earlier ones.
    for _ in range(2):
        _, _, _, total = load([running], *shape, "--updates", 0.5, "--explain")
        assert total["foreign"] == 0 and total["failed"] == 0 and total["sources"]["live_profile"] > 0


def test_another_users_events_are_found_in_explanations(bin_dir, running, stubs, channel):
    process = subprocess.Popen([bin_dir / "kindred", "load", "--json", "--server", running.address, "--rps", "100", "--duration",
                                "60", "--updates", "0.2", "--explain", "--generate-users", "5"], stdout=subprocess.PIPE,
                               text=True)
    try:
        run = json.loads(process.stdout.readline())["run"]
        stub = stubs.Stub(channel(running.address))

        def events():
            profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id=f"load-{run}-0"), timeout=10)
            return [each.event for each in profile.events]

        wait_until(lambda: len(events()) > 2, what="some updates")
        stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=f"load-{run}-1", events=events()), timeout=10)
        for line in process.stdout:
            if json.loads(line).get("foreign", 0) > 0:
                break
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout
        assert json.loads(last)["total"]["foreign"] > 0 and process.wait(30) == 1
    finally:
        process.kill()
        process.wait()


def test_more_than_can_be_sent_can_be_ended_and_is_told_of_by_the_second(bin_dir, running):
    process = subprocess.Popen([bin_dir / "kindred", "load", "--json", "--server", running.address, "--rps", "1000000",
                                "--duration", "3600", "--deadline", "1"], stdout=subprocess.PIPE, text=True)
    try:
        json.loads(process.stdout.readline())
        assert "second" in json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout
        total = json.loads(last)["total"]
        assert 0 < sum_of(total) < 60_000_000 and process.wait(30) in (0, 1)
    finally:
        process.kill()
        process.wait()


def test_updates_sent_twice_count_once(load, kindred, running, tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    _, _, _, total = load([running], "--callers", 8, "--calls", 200, "--updates", 1, "--generate-users", 5, "--duration", 60,
                          "--duplicates", 0.5, "--ledger", ledger)
    assert total["acknowledged"] == 200 and sum_of(total) == 300
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert len(entries) == 300 and sum(e["duplicate"] for e in entries) == 100
    result = kindred("load", "--check-ledger", ledger, "--server", running.address)
    assert result.returncode == 0 and "200 found, 0 missing, 0 doubled" in result.stdout


def test_updates_are_sent_again_until_the_server_is_back(bin_dir, models, tmp_path):
    def serve(listen):
        flags = ["--models", models, "--listen", listen, "--admin", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0", "--items",
                 tmp_path / "items", "--model-state", tmp_path / "model-state", "--profiles", f"embedded:{tmp_path / 'profiles'}"]
        return ServerProcess(bin_dir / "kindred-server", flags, tmp_path / "server-0.log").wait_ready()

    first = serve("127.0.0.1:0")
    ledger = tmp_path / "ledger.jsonl"
    process = subprocess.Popen([bin_dir / "kindred", "load", "--json", "--server", first.address, "--rps", "100", "--duration",
                                "60", "--updates", "0.8", "--retry", "--ledger", ledger, "--generate-users", "50"],
                               stdout=subprocess.PIPE, text=True)

    def acknowledged():
        return len(ledger.read_text().splitlines()) if ledger.exists() else 0

    wait_until(lambda: acknowledged() > 20, what="some updates")
    first.kill()
    first.process.stdout.close()
    second = serve(first.address)
    try:
        before = acknowledged()
        wait_until(lambda: acknowledged() > before + 20, what="updates at the new server")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        total = json.loads(out.splitlines()[-1])["total"]
        assert process.returncode == 1 and total["failed"] > 0 and total["retries"] > 0, "what failed is told all the same"
        assert total["given_up"] == 0 and total["acknowledged"] == acknowledged()
        result = subprocess.run([bin_dir / "kindred", "load", "--check-ledger", ledger, "--server", second.address],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
    finally:
        process.kill()
        process.wait()
        second.stop()


def test_for_people(kindred, running, tmp_path):
    users = tmp_path / "users"
    users.write_text("trained\nnobody\n")
    result = kindred("load", "--server", running.address, "--callers", 2, "--duration", 0.3, "--users", users, "--updates", 0.1)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "2 callers for 0.3 s, 10 % updates, 2 users, 200 items, seed 1"
    assert lines[2].split() == ["second", "ok", "failed", "p50", "ms", "p99", "max", "degraded"]
    assert lines[3].split()[0] == "0" and int(lines[3].split()[1]) > 0
    assert re.search(r"^ +Recommend +\d+ +0 ", result.stdout, re.M) and re.search(r"^ +all ", result.stdout, re.M)
    assert "sources: " in result.stdout and "models: " in result.stdout and " acknowledged, 0 calls sent again" in result.stdout


@pytest.mark.parametrize("flags, said", [
    (["--rps", "10", "--callers", "2"], "--rps"),
    (["--updates", "1.5"], "--updates"),
    (["--updates", "0.6", "--profile-reads", "0.6"], "shares of all calls"),
    (["--check-ledger", "/no/such/file"], "/no/such/file"),
    (["--within", "3"], "--check-ledger"),
    (["--users", "/dev/null"], "has no user"),
    (["--duration", "0.2", "--ledger", "/no/such/folder/x"], "/no/such/folder/x"),
])
def test_wrong_use_is_told(kindred, running, flags, said):
    result = kindred("load", "--server", running.address, *flags)
    assert result.returncode in (1, 2) and said in result.stderr, result.stdout + result.stderr


def test_a_server_that_is_not_there(kindred):
    result = kindred("load", "--server", "127.0.0.1:1", "--duration", "1", "--deadline", "0.5")
    assert result.returncode == 1 and "127.0.0.1:1" in result.stderr
