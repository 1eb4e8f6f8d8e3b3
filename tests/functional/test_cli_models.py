"""`kindred models` and `kindred replay` against a real server with several versions of one model."""
import json
import signal
import subprocess

import numpy as np
import pytest

import bundles
from server_client import event, metric, wait_until


@pytest.fixture
def publish(kindred, tmp_path):
    """publish(version, scale, damage=False): a packed bundle of `tiny`, put into the store by rename as `kindred publish` does."""

    def run(version, scale, damage=False):
        raw = bundles.write_raw_bundle(tmp_path / f"raw-{version}.safetensors", bundles.RAW_USER_IDS, bundles.RAW_USERS,
                                       bundles.RAW_ITEM_IDS, bundles.RAW_ITEMS * np.float32(scale))
        staging = tmp_path / f"staging-{version}"
        staging.mkdir()
        bundle = staging / "bundle.safetensors"
        result = kindred("pack", "--in", raw, "--out", bundle, "--model", "tiny", "--model-version", version)
        assert result.returncode == 0, result.stderr
        if damage:
            content = bytearray(bundle.read_bytes())
            content[-1] ^= 1
            bundle.write_bytes(content)
        (tmp_path / "models" / "tiny").mkdir(parents=True, exist_ok=True)
        staging.rename(tmp_path / "models" / "tiny" / str(version))

    return run


@pytest.fixture
def store(publish, tmp_path):
    """Version 1 and 2 of `tiny`, which rank the same by other scores."""
    publish(1, 1)
    publish(2, 1.5)
    return tmp_path / "models"


@pytest.fixture
def running(server, store, tmp_path):
    """With every call of it in a log."""
    config = tmp_path / "kindred.yaml"
    config.write_text(f"models:\n  poll_interval: 100ms\n  keep_ready: 4\n"
                      f"logging:\n  request_log:\n    path: {tmp_path / 'requests.jsonl'}\n    percent: 100\n")
    return server(store, "--config", config)


@pytest.fixture
def models(kindred, running):
    """models("list", …) → the finished `kindred models list --admin-server … …`."""
    return lambda command, *args: kindred("models", command, *args, "--admin-server", running.admin_grpc)


@pytest.fixture
def shown(models):
    """() → {version: its JSON} of the model."""

    def ask():
        result = models("show", "tiny", "--json")
        assert result.returncode == 0, result.stderr
        return {version["version"]: version for version in json.loads(result.stdout)["versions"]}

    return ask


def serving(versions):
    return [number for number, version in versions.items() if version["serving"]]


def test_list_is_a_table_and_json(models, shown):
    result = models("list")
    assert result.returncode == 0, result.stderr
    title, *rows = result.stdout.splitlines()
    assert title.split()[:3] == ["model", "version", "state"]
    assert [row.split()[:2] for row in rows] == [["tiny", "1"], ["tiny", "2"]]
    assert "ready" in rows[1] and " yes " in rows[1] and shown()[2]["digest"][:12] in rows[1]
    (model,) = json.loads(models("list", "--json").stdout)["models"]
    assert model["serving_version"] == 2 and model["policy"] == "latest"


def test_validate_activate_rollback_follow(models, shown):
    result = models("validate", "tiny", "1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert serving(shown()) == [2], "a trial changes nothing"
    result = models("activate", "tiny", "1", "--pin", "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["model"], answer["version"], answer["state"], answer["serving"]) == ("tiny", 1, "ready", True)
    assert serving(shown()) == [1]
    result = models("rollback", "tiny")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("tiny 2: ready") and serving(shown()) == [2]
    assert models("activate", "tiny", "1").returncode == 0
    assert models("activate", "tiny", "1").returncode == 0, "once more is no error"
    assert models("follow", "tiny").returncode == 0
    assert serving(shown()) == [2]


def test_load_says_its_steps_and_unload_takes_out(models, shown):
    result = models("load", "tiny", "1")
    assert result.returncode == 0, result.stderr
    assert all(line.startswith("kindred: tiny 1: ") for line in result.stderr.splitlines())
    assert shown()[1]["state"] == "ready" and serving(shown()) == [2]
    assert models("load", "tiny", "1", "--quiet").stderr == ""
    result = models("unload", "tiny", "2")
    assert result.returncode == 1 and "FAILED_PRECONDITION" in result.stderr, "it serves"
    result = models("unload", "tiny", "1")
    assert result.returncode == 0, result.stderr
    assert shown()[1]["state"] in ("draining", "gone", "discovered")


def test_a_label_is_given_and_taken(models, kindred, running):
    result = models("label", "tiny", "trial", "1", "--json")
    assert result.returncode == 0, result.stderr
    assert {"label": "trial", "version": 1, "percent": 0} in json.loads(result.stdout)["labels"]
    answer = kindred("query", "recommend", "--user", "u0", "--model", "tiny@trial", "--json", "--server", running.address)
    assert json.loads(answer.stdout)["version"] == "1", answer.stderr
    assert models("label", "tiny", "trial", "1", "--force").returncode == 0
    result = models("label", "tiny", "canary", "1", "--percent", "5")
    assert result.returncode == 0 and "label canary: version 1, 5 %" in result.stdout, result.stderr
    result = models("label", "tiny", "canary", "--remove", "--json")
    assert "canary" not in [label["label"] for label in json.loads(result.stdout)["labels"]]


def test_what_is_refused_says_why_and_changes_nothing(models, shown, publish):
    publish(3, 2, damage=True)
    result = models("watch", "tiny", "--until-serving", "3", "--timeout", "60", "--interval", "0.05")
    assert result.returncode == 1
    assert "version 3 failed" in result.stderr
    result = models("activate", "tiny", "3")
    assert result.returncode == 1 and result.stdout == ""
    refused = shown()[3]
    assert refused["state"] == "failed" and refused["reason"]
    assert refused["reason"] in models("list").stdout, "the whole reason"
    assert serving(shown()) == [2]
    result = models("load", "tiny", "99")
    assert result.returncode == 1 and "NOT_FOUND" in result.stderr


def test_watch_waits_for_what_is_published_later(bin_dir, running, models, publish):
    args = [bin_dir / "kindred", "models", "watch", "tiny", "--until-serving", "3", "--timeout", "60", "--interval", "0.05",
            "--json", "--admin-server", running.admin_grpc]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        first = json.loads(watch.stdout.readline())
        publish(3, 2)
        out, err = watch.communicate(timeout=60)
    assert watch.returncode == 0, err
    assert first["version"] in (1, 2) and first["state"] == "ready"
    last = [json.loads(line) for line in out.splitlines() if json.loads(line)["version"] == 3][-1]
    assert last["serving"] and last["state"] == "ready"
    result = models("watch", "tiny", "--until-serving", "9", "--timeout", "0.3", "--interval", "0.05")
    assert result.returncode == 1
    assert "version 9 does not serve after 0.3 s: the server does not have it" in result.stderr


def test_watch_ends_on_ctrl_c(bin_dir, running):
    args = [bin_dir / "kindred", "models", "watch", "--admin-server", running.admin_grpc]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert " tiny " in watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=30)
    assert watch.returncode == 0, err


@pytest.fixture
def replay(kindred, running):
    """replay(file, …) → (exit code, the JSON lines) of `kindred replay`."""

    def run(file, *args):
        result = kindred("replay", file, "--server", running.address, "--admin-server", running.admin_grpc, "--json", *args)
        return result.returncode, [json.loads(line) for line in result.stdout.splitlines()], result.stderr

    return run


def test_a_logged_answer_comes_again_after_swaps_and_updates(kindred, running, models, stubs, channel, replay, tmp_path):
    log = tmp_path / "calls.jsonl"

    def query(*args):
        result = kindred("query", *args, "--server", running.address, "--log", log)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""

    stub = stubs.Stub(channel(running.address))
    stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id="u1", events=[event(stubs, "i3")]), timeout=10)
    query("recommend", "--user", "u0", "-k", "4")
    query("recommend", "--user", "u1", "-k", "3")
    query("recommend", "--event", "i2:2")
    query("recommend", "--user", "nobody yet")
    query("similar", "--item", "i0")
    query("score", "--user", "u1", "--item", "i5", "i0")
    wait_until(lambda: metric(running.admin, "kindred_request_log_lines_total", result="written") == 6, what="the log")
    for user in ("u0", "u1", "nobody yet"):
        stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=user, events=[event(stubs, "i4", weight=3)]), timeout=10)
    assert models("activate", "tiny", "1").returncode == 0
    for file in (log, tmp_path / "requests.jsonl"):
        code, lines, err = replay(file)
        assert [line["result"] for line in lines[:6]] == ["same"] * 6, (file, lines, err)
        assert all(line["version"] == "2" for line in lines[:6])
    assert code == 0

    # The same question as it is answered now is another one.
    changed = [json.loads(line) for line in log.read_text().splitlines()]
    changed[1]["response"]["items"][1]["score"] += 1e-6
    (tmp_path / "changed.jsonl").write_text("\n".join(map(json.dumps, changed)))
    code, lines, _ = replay(tmp_path / "changed.jsonl", "--line", "2")
    assert code == 1 and len(lines) == 1
    assert (lines[0]["result"], lines[0]["rank"]) == ("differs", 2)

    assert models("unload", "tiny", "2").returncode == 0
    code, lines, _ = replay(log)
    assert code == 1
    assert all(line["result"] == "not_reproducible" and "kindred models load tiny 2" in line["reason"] for line in lines)
    assert models("load", "tiny", "2").returncode == 0
    assert replay(log)[0] == 0


def test_replay_is_a_table_for_people(kindred, running, tmp_path):
    log = tmp_path / "calls.jsonl"
    assert kindred("query", "recommend", "--user", "u0", "--server", running.address, "--log", log).returncode == 0
    with open(log, "a") as file:
        file.write("nonsense\n")
    result = kindred("replay", log, "--server", running.address)
    assert result.returncode == 1
    title, first, second, summary = result.stdout.splitlines()
    assert title.split() == ["line", "method", "for", "generation", "result"]
    assert first.split() == ["1", "Recommend", "u0", "tiny@2", "same"]
    assert "not reproducible: is not a JSON object" in second
    assert summary == "1 same, 0 differ, 1 not reproducible"


def test_a_bare_request_is_answered_by_the_generation_of_a_digest(kindred, running, models, shown, tmp_path):
    request = kindred("query", "recommend", "--user", "u2", "-k", "2", "--print-request")
    assert request.returncode == 0
    assert json.loads(request.stdout)["subject"] == {"user_id": "u2"}
    path = tmp_path / "request.json"
    path.write_text(request.stdout)
    assert models("load", "tiny", "1").returncode == 0
    servers = ["--server", running.address, "--admin-server", running.admin_grpc]
    for version in (1, 2):
        result = kindred("replay", path, "--digest", shown()[version]["digest"], "--json", *servers)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["version"] == str(version)
    result = kindred("replay", path, "--digest", "0123456789", *servers)
    assert result.returncode == 1 and "NOT_FOUND" in result.stderr and shown()[2]["digest"] in result.stderr
