"""Models that change while a real server answers: published, activated, rolled back, labelled, refused, damaged."""
import json
import os
import shutil
import signal
import threading

import grpc
import pytest

import bundles
from server_client import call_error, http, metric, wait_until


def publish(store, version, scale=1.0, model="tiny"):
    """Publishes a version by rename; its scores are those of version 1 times `scale`, which tells who answered."""
    folder = store / model / f"{version}.tmp"
    bundles.write_raw_bundle(folder / "bundle.safetensors", bundles.RAW_USER_IDS, bundles.RAW_USERS, bundles.RAW_ITEM_IDS,
                             bundles.RAW_ITEMS * scale)
    folder.rename(store / model / str(version))
    return store / model / str(version) / "bundle.safetensors"


def recommend(stubs, user="u0", model="", **fields):
    return stubs.pb.RecommendRequest(subject=stubs.pb.Subject(user_id=user), model=model, page_size=3, **fields)


@pytest.fixture
def operator(stubs):
    """operator(process): the process's ModelService."""
    channels = []

    def connect(process):
        channels.append(grpc.insecure_channel(process.admin_grpc))
        return stubs.model_service_grpc.ModelServiceStub(channels[-1])

    yield connect
    for channel in channels:
        channel.close()


@pytest.fixture
def running(server, raw_store, stubs, channel, operator):
    """A server of `raw_store`, with a stub of each of its services."""
    process = server(raw_store)
    return process, stubs.Stub(channel(process.address)), operator(process)


def versions(stubs, admin):
    model = admin.GetModel(stubs.model_service.GetModelRequest(), timeout=20).model
    return model, {version.version: version for version in model.versions}


def await_serving(stubs, admin, version):
    wait_until(lambda: versions(stubs, admin)[0].serving_version == version, what=f"version {version} serves")


def test_a_published_version_takes_over_and_can_be_rolled_back(running, raw_store, stubs):
    process, stub, admin = running
    assert stub.Recommend(recommend(stubs), timeout=20).version == "1"
    publish(raw_store, 2, 2.0)
    await_serving(stubs, admin, 2)
    answer = stub.Recommend(recommend(stubs), timeout=20)
    assert (answer.model, answer.version) == ("tiny", "2") and answer.items[0].score == pytest.approx(4.0)
    assert metric(process.admin, "kindred_model_serving_version", model="tiny") == 2
    assert metric(process.admin, "kindred_model_swaps_total", model="tiny") == 1
    assert metric(process.admin, "kindred_model_version_state", version="2", state="ready") == 1

    back = admin.RollbackModel(stubs.model_service.RollbackModelRequest(), timeout=20)
    assert back.version.version == 1 and back.version.serving
    assert stub.Recommend(recommend(stubs), timeout=20).version == "1"
    assert stub.Recommend(recommend(stubs, model="tiny@2"), timeout=20).version == "2"
    again = admin.ActivateVersion(stubs.model_service.ActivateVersionRequest(model="tiny", version=2), timeout=20)
    assert again.version.version == 2 and again.version.serving
    messages = [json.loads(line)["msg"] for line in process.log().splitlines()]
    assert messages.count("model serves") == 4 and "model request done" in messages


def test_nobody_notices_a_swap_under_load(running, raw_store, stubs, channel):
    process, _, admin = running
    stop, failures, seen = threading.Event(), [], {}

    def ask(number):
        stub = stubs.Stub(channel(process.address))
        while not stop.is_set():
            try:
                answer = stub.Recommend(recommend(stubs, f"u{number}"), timeout=20)
            except grpc.RpcError as error:
                failures.append(str(error))
                return
            # Every score is the version's, so no answer is of two.
            seen.setdefault(answer.version, set()).update(round(item.score / int(answer.version), 3) for item in answer.items)

    callers = [threading.Thread(target=ask, args=(number,)) for number in (0, 3)]
    for caller in callers:
        caller.start()
    try:
        wait_until(lambda: "1" in seen or failures, what="an answer of version 1")
        for version in range(2, 8):
            publish(raw_store, version, float(version))
            await_serving(stubs, admin, version)
            wait_until(lambda: str(version) in seen or failures, what=f"an answer of version {version}")
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert not failures
    assert set(seen) == {str(version) for version in range(1, 8)}
    assert all(scores <= seen["1"] for scores in seen.values()), seen


def test_a_version_leaves_a_server_that_nobody_calls(running, raw_store, stubs):
    process, stub, admin = running
    for user in ("u0", "u1", "u2"):
        stub.Recommend(recommend(stubs, user), timeout=20)
    publish(raw_store, 2, 2.0)
    await_serving(stubs, admin, 2)
    assert not versions(stubs, admin)[1][2].hybrid_ready  # it has no content
    assert metric(process.admin, "kindred_model_hybrid_ready", model="tiny", version="2") == 0
    admin.UnloadVersion(stubs.model_service.UnloadVersionRequest(model="tiny", version=1), timeout=20)
    gone = stubs.model_service.VERSION_STATE_GONE
    wait_until(lambda: versions(stubs, admin)[1][1].state == gone, what="version 1 is gone")
    assert str(raw_store / "tiny" / "1") not in open(f"/proc/{process.pid}/maps", encoding="utf-8").read()


def test_sighups_make_it_look_and_a_storm_of_them_ends_cleanly(running, raw_store, stubs):
    process, stub, admin = running
    publish(raw_store, 2, 2.0)
    for _ in range(200):
        os.kill(process.pid, signal.SIGHUP)
    await_serving(stubs, admin, 2)
    assert "looking through the model store" in process.log()
    publish(raw_store, 3, 3.0)
    for _ in range(200):
        os.kill(process.pid, signal.SIGHUP)
    process.stop()


def test_what_is_no_bundle_is_refused_with_its_reason(running, raw_store, stubs):
    process, stub, admin = running
    folder = raw_store / "tiny" / "2.tmp"
    folder.mkdir()
    (folder / "bundle.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not a header....")
    folder.rename(raw_store / "tiny" / "2")
    failed = wait_until(lambda: [version for version in versions(stubs, admin)[1].values()
                                 if version.state == stubs.model_service.VERSION_STATE_FAILED], what="a refusal")[0]
    assert failed.version == 2 and "bundle.safetensors" in failed.reason
    assert stub.Recommend(recommend(stubs), timeout=20).version == "1"
    assert metric(process.admin, "kindred_model_newest_version_failed", model="tiny") == 1
    assert metric(process.admin, "kindred_model_loads_total", result="refused") >= 1
    refused = [json.loads(line) for line in process.log().splitlines() if "model version refused" in line]
    assert refused[0]["level"] == "error" and refused[0]["version"] == 2 and "bundle.safetensors" in refused[0]["error"]
    assert "failed: " in http(process.admin, "/")[1]
    error = call_error(stubs, lambda: admin.ActivateVersion(
        stubs.model_service.ActivateVersionRequest(model="tiny", version=2), timeout=20))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and error.reason == "BUNDLE_INVALID"
    assert http(process.admin, "/readyz")[0] == 200


def test_a_canary_answers_its_share_of_users_and_a_shadow_is_compared(running, raw_store, stubs):
    process, stub, admin = running
    admin.ActivateVersion(stubs.model_service.ActivateVersionRequest(version=1, pin=True), timeout=20)
    publish(raw_store, 2, 2.0)
    wait_until(lambda: 2 in versions(stubs, admin)[1], what="version 2 is seen")
    for label, percent in (("canary", 30), ("shadow", 100)):
        admin.SetLabel(stubs.model_service.SetLabelRequest(label=label, version=2, percent=percent), timeout=20)
    users = [f"someone-{number}" for number in range(200)]
    given = {user: stub.Recommend(recommend(stubs, user), timeout=20).version for user in users}
    assert 30 <= list(given.values()).count("2") <= 90
    assert given == {user: stub.Recommend(recommend(stubs, user), timeout=20).version for user in users}
    assert stub.Recommend(recommend(stubs, users[0], model="tiny@canary"), timeout=20).version == "2"
    wanted = 2 * list(given.values()).count("1")

    def compared():
        shadow = versions(stubs, admin)[0].shadow
        return shadow if shadow.compared + shadow.dropped >= wanted else None

    shadow = wait_until(compared, what="the shadow has answered")
    assert shadow.version == 2 and shadow.compared > 0 and shadow.overlap == 1
    assert metric(process.admin, "kindred_shadow_answers_total", result="compared") == shadow.compared
    admin.SetLabel(stubs.model_service.SetLabelRequest(label="canary", version=0), timeout=20)
    assert {stub.Recommend(recommend(stubs, user), timeout=20).version for user in users[:50]} == {"1"}


def test_what_operators_decided_outlives_a_restart(server, raw_store, stubs, channel, operator, tmp_path):
    publish(raw_store, 2, 2.0)
    flags = {"profiles": f"embedded:{tmp_path / 'profiles'}"}
    first = server(raw_store, **flags)
    admin = operator(first)
    await_serving(stubs, admin, 2)
    admin.ActivateVersion(stubs.model_service.ActivateVersionRequest(version=1, pin=True), timeout=20)
    first.stop()
    publish(raw_store, 3, 3.0)
    second = server(raw_store, **flags)
    assert stubs.Stub(channel(second.address)).Recommend(recommend(stubs), timeout=20).version == "1"
    model, _ = versions(stubs, operator(second))
    assert model.policy == stubs.model_service.VERSION_POLICY_PINNED and model.serving_version == 1


@pytest.mark.parametrize("harm", ["truncated", "overwritten"])
def test_a_file_that_changes_under_the_server_harms_no_call(server, raw_store, stubs, channel, operator, harm):
    path = publish(raw_store, 2, 2.0)
    process = server(raw_store)
    stub, admin = stubs.Stub(channel(process.address)), operator(process)
    admin.LoadVersion(stubs.model_service.LoadVersionRequest(version=1), timeout=20)
    assert stub.Recommend(recommend(stubs), timeout=20).version == "2"
    if harm == "truncated":
        os.truncate(path, 0)
    else:
        with open(path, "r+b") as file:
            file.write(b"\xff" * path.stat().st_size)

    def answered():
        answer = stub.Recommend(recommend(stubs), timeout=20)
        # An overwritten file may answer until the kernel has told of it.
        return answer.version == "1" and answer

    answer = wait_until(answered, what="version 1 answers again")
    assert answer.items[0].score == pytest.approx(2.0)
    assert wait_until(lambda: metric(process.admin, "kindred_model_versions_damaged", model="tiny") == 1, what="the metric")
    assert "model damaged" in process.log()
    assert http(process.admin, "/readyz")[0] == 200


def test_where_nothing_sound_is_left_the_server_says_so_and_recovers(server, raw_store, stubs, channel, operator):
    process = server(raw_store)
    stub, admin = stubs.Stub(channel(process.address)), operator(process)
    os.truncate(raw_store / "tiny" / "1" / "bundle.safetensors", 0)

    def refusal():
        try:
            stub.Recommend(recommend(stubs), timeout=20)
        except grpc.RpcError:
            return call_error(stubs, lambda: stub.Recommend(recommend(stubs), timeout=20))
        return None

    error = wait_until(refusal, what="the call fails")
    assert error.code() == grpc.StatusCode.UNAVAILABLE and error.reason == "MODEL_DAMAGED"
    status, body, _ = http(process.admin, "/readyz")
    assert status == 503 and "damaged" in body
    shutil.rmtree(raw_store / "tiny" / "1")
    publish(raw_store, 2, 2.0)
    await_serving(stubs, admin, 2)
    assert stub.Recommend(recommend(stubs), timeout=20).version == "2"
    assert http(process.admin, "/readyz")[0] == 200
