"""Profiles: updates that change answers, are counted once, and survive whatever happens to the process."""
import concurrent.futures
import random
import resource
import signal
import threading

import grpc
import pytest

from server_client import call_error, event, for_user, metric, wait_until
from server_process import FREE_PORTS, ServerProcess


@pytest.fixture
def start(server, raw_store, channel, stubs):
    """start(store, *flags) → a stub of a fresh server, with its process."""

    def begin(profiles, *flags, **options):
        process = server(raw_store, *flags, profiles=profiles, **options)
        stub = stubs.Stub(channel(process.address))
        stub.process = process
        return stub

    return begin


def update(stubs, user, items, update_id=""):
    return stubs.pb.UpdateProfileRequest(user_id=user, events=[event(stubs, i) for i in items], update_id=update_id)


@pytest.mark.parametrize("kind", ["memory", "embedded"])
def test_an_update_changes_the_next_answer(start, stubs, tmp_path, kind):
    stub = start(kind if kind == "memory" else f"embedded:{tmp_path / 'profiles'}")
    before = stub.Recommend(for_user(stubs, "new"), timeout=10)
    assert before.source == stubs.pb.ANSWER_SOURCE_AVERAGE and before.profile_version == 0

    answer = stub.UpdateProfile(update(stubs, "new", ["i1", "i4", "later"]), timeout=10)
    assert answer.profile_version == 1 and not answer.duplicate
    assert answer.durability == (stubs.pb.DURABILITY_MEMORY if kind == "memory" else stubs.pb.DURABILITY_JOURNAL)

    after = stub.Recommend(for_user(stubs, "new"), timeout=10)
    assert after.source == stubs.pb.ANSWER_SOURCE_LIVE_PROFILE and after.profile_version == 1
    assert not {"i1", "i4"} & {item.item_id for item in after.items}
    assert after.items[0].item_id == "i5"  # the item most like those two

    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="new"), timeout=10)
    assert [(e.event.item_id, e.known) for e in profile.events] == [("i1", True), ("i4", True), ("later", False)]
    assert profile.profile_version == 1 and profile.update_time.seconds > 1_600_000_000
    assert profile.source == stubs.pb.ANSWER_SOURCE_LIVE_PROFILE
    assert profile.traits[0].trait == 1 and profile.traits[0].strongest_items[0].item_id == "i4"
    assert not profile.trained


def test_a_trained_user_is_blended_with_new_events(start, stubs):
    stub = start("memory")
    stub.UpdateProfile(update(stubs, "u0", ["i1"]), timeout=10)
    response = stub.Recommend(for_user(stubs, "u0"), timeout=10)
    assert response.source == stubs.pb.ANSWER_SOURCE_BLENDED_PROFILE
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="u0"), timeout=10)
    assert profile.trained and profile.source == stubs.pb.ANSWER_SOURCE_BLENDED_PROFILE
    assert {t.trait: t.weight for t in profile.traits}[0] == pytest.approx(0.7, abs=0.1)


def test_retries_count_once_and_ids_are_per_user(start, stubs, tmp_path):
    stub = start(f"embedded:{tmp_path / 'profiles'}")
    for attempt in range(3):
        answer = stub.UpdateProfile(update(stubs, "a", ["i0"], "retry-1"), timeout=10)
        assert answer.profile_version == 1 and answer.duplicate == (attempt > 0)
    assert stub.UpdateProfile(update(stubs, "b", ["i0"], "retry-1"), timeout=10).duplicate is False
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="a"), timeout=10)
    assert len(profile.events) == 1
    assert metric(stub.process.admin, "kindred_profile_updates_total", result="duplicate") == 2


def test_the_last_256_events_are_kept_in_time_order(start, stubs):
    stub = start("memory")
    times = list(range(1000, 1300))
    random.Random(3).shuffle(times)
    for chunk in range(0, 300, 100):
        request = stubs.pb.UpdateProfileRequest(user_id="u", events=[
            event(stubs, f"item-{t}", time={"seconds": t}) for t in times[chunk:chunk + 100]])
        stub.UpdateProfile(request, timeout=10)
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="u"), timeout=10)
    assert [e.event.time.seconds for e in profile.events][-200:] == list(range(1100, 1300))
    assert len(profile.events) == 256


def test_profiles_survive_an_orderly_restart(start, stubs, tmp_path):
    stub = start(f"embedded:{tmp_path / 'profiles'}")
    stub.UpdateProfile(update(stubs, "u", ["i2"], "x"), timeout=10)
    stub.process.stop()
    stub = start(f"embedded:{tmp_path / 'profiles'}")
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="u"), timeout=10)
    assert profile.profile_version == 1 and [e.event.item_id for e in profile.events] == ["i2"]
    assert stub.UpdateProfile(update(stubs, "u", ["i2"], "x"), timeout=10).duplicate


KILLS = 5
WRITERS = 4


def test_every_acknowledged_update_survives_kill_9(bin_dir, raw_store, tmp_path, stubs):
    """Writers keep a ledger of what was acknowledged while the server is killed again and again."""
    seed = 20240501
    rng = random.Random(seed)
    ledger = {f"writer-{w}": [] for w in range(WRITERS)}  # user → item ids acknowledged, in order
    flags = ["--models", raw_store, *FREE_PORTS, "--items", tmp_path / "items", "--model-state",
             tmp_path / "model-state", "--profiles",
             f"embedded:{tmp_path / 'profiles'}"]

    def write(user, address, round_number, stop):
        with grpc.insecure_channel(address) as channel:
            stub = stubs.Stub(channel)
            for n in range(10**6):
                if stop.is_set():
                    return
                item = f"{round_number}-{n}"
                try:
                    stub.UpdateProfile(update(stubs, user, [item], item), timeout=5)
                except grpc.RpcError:
                    return  # killed: this one is in doubt, the ones before it are not
                ledger[user].append(item)

    for round_number in range(KILLS):
        process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / f"server-{round_number}.log").wait_ready()
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            before = sum(map(len, ledger.values()))
            writers = [pool.submit(write, user, process.address, round_number, stop) for user in ledger]
            target = before + rng.randint(5, 60)
            wait_until(lambda: sum(map(len, ledger.values())) >= target, what=f"updates (seed {seed})")
            process.process.send_signal(signal.SIGKILL)
            process.process.wait(timeout=30)
            stop.set()
            for writer in writers:
                writer.result(timeout=30)
        process.process.stdout.close()

    process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / "server-last.log").wait_ready()
    try:
        with grpc.insecure_channel(process.address) as channel:
            stub = stubs.Stub(channel)
            for user, acknowledged in ledger.items():
                assert acknowledged, user
                profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id=user), timeout=10)
                kept = [e.event.item_id for e in profile.events]
                missing = [item for item in acknowledged[-200:] if item not in kept]
                assert not missing, f"seed {seed}: {user} lost {missing} of {len(acknowledged)}"
                # Nothing counted twice, and at most the update in doubt of each round beside the acknowledged ones.
                assert len(set(kept)) == len(kept)
                assert len(acknowledged) <= profile.profile_version <= len(acknowledged) + KILLS
    finally:
        process.stop()


def test_a_full_disk_stops_updates_only_and_heals(bin_dir, raw_store, tmp_path, stubs):
    """A limit on file sizes is the full disk: writes fail, and succeed again when it is lifted."""

    flags = ["--models", raw_store, *FREE_PORTS, "--items", tmp_path / "items", "--model-state",
             tmp_path / "model-state", "--profiles",
             f"embedded:{tmp_path / 'profiles'}"]
    process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / "server-0.log").wait_ready()
    try:
        with grpc.insecure_channel(process.address) as channel:
            stub = stubs.Stub(channel)
            stub.UpdateProfile(update(stubs, "u", ["i1"], "first"), timeout=10)
            unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))

            error = call_error(stubs, lambda: stub.UpdateProfile(update(stubs, "u", ["i0"], "second"), timeout=10))
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            assert error.reason == "PROFILE_STORE_UNAVAILABLE"
            # Reading goes on, and shows what was acknowledged.
            answer = stub.Recommend(for_user(stubs, "u"), timeout=10)
            assert answer.profile_version == 1 and not answer.degradations
            assert metric(process.admin, "kindred_profile_updates_total", result="failed") >= 1

            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)

            def retry():
                try:
                    return stub.UpdateProfile(update(stubs, "u", ["i0"], "second"), timeout=10)
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.UNAVAILABLE
                    return None

            assert wait_until(retry, what="the store to take writes again").profile_version == 2
    finally:
        process.stop()


def test_a_queue_that_is_full_sheds(start, stubs, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text("profiles:\n  max_queued_updates: 1\n  max_commit_updates: 1\n")
    stub = start(f"embedded:{tmp_path / 'profiles'}", "--config", config)
    calls = [stub.UpdateProfile.future(update(stubs, f"u{n}", ["i0"]), timeout=60) for n in range(400)]
    codes = [call.code() for call in calls]
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    shed = next(call for call in calls if call.code() != grpc.StatusCode.OK)
    assert call_error(stubs, shed.result).reason == "UPDATE_QUEUE_FULL"
    assert metric(stub.process.admin, "kindred_profile_updates_total", result="shed") == codes.count(
        grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_a_store_that_is_taken_is_a_clear_error(start, server, raw_store, tmp_path):
    start(f"embedded:{tmp_path / 'profiles'}")
    second = server(raw_store, profiles=f"embedded:{tmp_path / 'profiles'}", wait=False)
    assert second.process.wait(timeout=30) == 1
    assert "One server at a time" in second.log()
