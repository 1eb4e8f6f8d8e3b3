"""Profiles as callers use them: tokens they carry, blends, deletion, many users at once. What becomes of updates when
disks fill and processes die is in test_server_profiles.py."""
import random

import grpc
import pytest

from server_client import call_error, event, for_user, metric
from server_process import FREE_PORTS, ServerProcess


@pytest.fixture
def start(server, raw_store, channel, stubs):
    """start(store) → a stub of a fresh server, with its process."""

    def begin(profiles="memory"):
        process = server(raw_store, profiles=profiles)
        stub = stubs.Stub(channel(process.address))
        stub.process = process
        return stub

    return begin


def update(stubs, stub, user, items, **fields):
    request = stubs.pb.UpdateProfileRequest(user_id=user, events=[event(stubs, i) for i in items], **fields)
    return stub.UpdateProfile(request, timeout=10)


def get(stubs, stub, user, **fields):
    return stub.GetProfile(stubs.pb.GetProfileRequest(user_id=user, **fields), timeout=10)


def delete(stubs, stub, user):
    return stub.DeleteProfile(stubs.pb.DeleteProfileRequest(user_id=user), timeout=10)


def with_token(stubs, token, **fields):
    return stubs.pb.RecommendRequest(subject=stubs.pb.Subject(profile_token=token), **fields)


def items_of(profile):
    return [e.event.item_id for e in profile.events]


def vector_of(profile):
    """[2]: the two dimensions of the raw model."""
    weights = {trait.trait: trait.weight for trait in profile.traits}
    return [weights.get(0, 0.0), weights.get(1, 0.0)]


# Tokens.

def test_a_token_brings_its_updates_to_a_server_that_has_none(start, stubs):
    here, there = start(), start()
    token = update(stubs, here, "new", ["i1", "i4", "later"]).profile_token
    assert 0 < len(token) <= 16384
    assert get(stubs, here, "new").profile_token == token
    expected = here.Recommend(for_user(stubs, "new"), timeout=10)
    assert there.Recommend(for_user(stubs, "new"), timeout=10).profile_version == 0
    for stub in (here, there):
        answer = stub.Recommend(with_token(stubs, token, min_profile_version=1), timeout=10)
        assert answer.source == stubs.pb.ANSWER_SOURCE_LIVE_PROFILE
        assert answer.profile_version == 1 and not answer.degradations
        assert list(answer.items) == list(expected.items)
    # Used, not stored.
    assert get(stubs, there, "new").profile_version == 0
    assert get(stubs, there, "new").profile_token == b""


def test_a_token_is_that_of_its_user(start, stubs):
    """A trained user's token brings the trained vector, and what they have seen stays away."""
    here, there = start(), start()
    token = update(stubs, here, "u0", ["i1"]).profile_token
    answer = there.Recommend(with_token(stubs, token), timeout=10)
    assert answer.source == stubs.pb.ANSWER_SOURCE_BLENDED_PROFILE
    assert "i1" not in [item.item_id for item in answer.items]


def test_the_newer_of_token_and_store_counts(start, stubs):
    here, there = start(), start()
    old = update(stubs, here, "new", ["i1"]).profile_token
    new = update(stubs, here, "new", ["i4"]).profile_token
    assert here.Recommend(with_token(stubs, old), timeout=10).profile_version == 2
    update(stubs, there, "new", ["i0"])
    assert there.Recommend(with_token(stubs, new), timeout=10).profile_version == 2
    assert "i0" in [item.item_id for item in there.Recommend(with_token(stubs, new), timeout=10).items]
    # The same version: the stored one.
    assert "i0" not in [item.item_id for item in there.Recommend(with_token(stubs, old), timeout=10).items]


def test_a_large_profile_has_a_token_of_its_last_events(start, stubs):
    here, there = start(), start()
    ids = [f"{n}-{'x' * 500}" for n in range(255)] + ["i1"]
    token = update(stubs, here, "new", ids).profile_token
    assert len(token) <= 16384
    assert token.find(b"i1") > 0 and token.find(b"254-xxx") > 0 and token.find(b"100-xxx") < 0
    answer = there.Recommend(with_token(stubs, token), timeout=10)
    assert answer.source == stubs.pb.ANSWER_SOURCE_LIVE_PROFILE
    assert "i1" not in [item.item_id for item in answer.items]


def test_hostile_tokens_are_refused(start, stubs):
    stub = start()
    token = update(stubs, stub, "new", ["i1", "i4"]).profile_token
    seed = 20261127
    rng = random.Random(seed)
    hostile = [b"", b"KPT\1", b"x" * 16384, b"x" * 16385, token + b"\0", token * 3, bytes(len(token))]
    hostile += [token[:size] for size in range(1, len(token))]
    for bit in rng.sample(range(8 * len(token)), 100):
        flipped = bytearray(token)
        flipped[bit // 8] ^= 1 << bit % 8
        hostile.append(bytes(flipped))
    hostile += [rng.randbytes(rng.randrange(300)) for _ in range(100)]
    for bad in hostile:
        error = call_error(stubs, lambda: stub.Recommend(with_token(stubs, bad), timeout=10))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, (seed, bad)
        assert error.reason == "INVALID_FIELD" and list(error.fields) == ["subject.profile_token"], (seed, bad)
    assert stub.Recommend(with_token(stubs, token), timeout=10).profile_version == 1


def test_a_profile_older_than_asked_for_says_so(start, stubs):
    stub = start()
    token = update(stubs, stub, "new", ["i1"]).profile_token
    stale = [stubs.pb.DEGRADATION_STALE_PROFILE]
    for minimum, expected in ((0, []), (1, []), (2, stale)):
        for request in (for_user(stubs, "new"), with_token(stubs, token)):
            request.min_profile_version = minimum
            assert list(stub.Recommend(request, timeout=10).degradations) == expected
        assert list(get(stubs, stub, "new", min_profile_version=minimum).degradations) == expected
    assert metric(stub.process.admin, "kindred_degraded_total", grpc_method="Recommend", reason="stale_profile") == 2
    assert metric(stub.process.admin, "kindred_degraded_total", grpc_method="GetProfile", reason="stale_profile") == 1


# Blends.

def test_a_blend_is_seven_tenths_of_the_old_vector(start, stubs):
    stub = start()
    blend = stubs.pb.UPDATE_MODE_BLEND
    history = stubs.pb.UPDATE_MODE_HISTORY

    def folded(*items):
        user = "only-" + "-".join(items)
        update(stubs, stub, user, items)
        return vector_of(get(stubs, stub, user))

    def mixed(old, new):
        return [pytest.approx(0.7 * a + 0.3 * b, rel=1e-5, abs=1e-6) for a, b in zip(old, new)]

    # Of a user nobody has seen there is nothing to blend with.
    update(stubs, stub, "new", ["i1", "i4"], mode=blend)
    first = vector_of(get(stubs, stub, "new"))
    assert first == pytest.approx(folded("i1", "i4"))
    update(stubs, stub, "new", ["i0"], mode=blend)
    second = vector_of(get(stubs, stub, "new"))
    assert second == mixed(first, folded("i0"))
    # History joins the newest step; the one before stays as it was.
    update(stubs, stub, "new", ["i3"], mode=history)
    joined = vector_of(get(stubs, stub, "new"))
    assert joined == mixed(first, folded("i0", "i3"))
    update(stubs, stub, "new", ["i5"], mode=blend)
    assert vector_of(get(stubs, stub, "new")) == mixed(joined, folded("i5"))
    # Unknown items say nothing (E4).
    before = vector_of(get(stubs, stub, "new"))
    update(stubs, stub, "new", ["nothing we have"], mode=blend)
    assert vector_of(get(stubs, stub, "new")) == pytest.approx(before)
    # What ranks is this vector, and a token brings it along.
    profile = get(stubs, stub, "new")
    assert profile.source == stubs.pb.ANSWER_SOURCE_LIVE_PROFILE
    answer = stub.Recommend(for_user(stubs, "new", include_seen=True), timeout=10)
    elsewhere = start().Recommend(with_token(stubs, profile.profile_token, include_seen=True), timeout=10)
    assert list(elsewhere.items) == list(answer.items)


def test_blending_is_not_the_history_of_the_same_events(start, stubs):
    stub = start()
    for user, mode in (("history", stubs.pb.UPDATE_MODE_HISTORY), ("blend", stubs.pb.UPDATE_MODE_BLEND)):
        update(stubs, stub, user, ["i1", "i4"])
        update(stubs, stub, user, ["i0"], mode=mode)
        assert sorted(items_of(get(stubs, stub, user))) == ["i0", "i1", "i4"]
    assert vector_of(get(stubs, stub, "history")) != pytest.approx(vector_of(get(stubs, stub, "blend")))


def test_a_profile_of_many_blends_stays_bounded(start, stubs):
    stub = start()
    for n in range(40):
        update(stubs, stub, "new", [f"i{n % 6}"] * 8, mode=stubs.pb.UPDATE_MODE_BLEND)
    profile = get(stubs, stub, "new")
    assert profile.profile_version == 40 and len(profile.events) == 256
    times = [(e.event.time.seconds, e.event.time.nanos) for e in profile.events]
    assert times == sorted(times)


def test_an_unknown_mode_is_refused(start, stubs):
    stub = start()
    error = call_error(stubs, lambda: update(stubs, stub, "new", ["i1"], mode=7))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and list(error.fields) == ["mode"]


# Deletion.

@pytest.mark.parametrize("kind", ["memory", "embedded"])
def test_a_deleted_profile_is_gone(start, stubs, tmp_path, kind):
    stub = start(kind if kind == "memory" else f"embedded:{tmp_path / 'profiles'}")
    durability = stubs.pb.DURABILITY_MEMORY if kind == "memory" else stubs.pb.DURABILITY_JOURNAL
    update(stubs, stub, "new", ["i1"])
    update(stubs, stub, "other", ["i1"])
    update(stubs, stub, "u0", ["i1"])
    answer = delete(stubs, stub, "new")
    assert answer.existed and answer.durability == durability
    profile = get(stubs, stub, "new")
    assert profile.profile_version == 0 and not profile.events and not profile.HasField("update_time")
    after = stub.Recommend(for_user(stubs, "new"), timeout=10)
    assert after.source == stubs.pb.ANSWER_SOURCE_AVERAGE and after.profile_version == 0
    again = delete(stubs, stub, "new")
    assert not again.existed and again.durability == durability
    assert get(stubs, stub, "other").profile_version == 1
    # What the model was trained with stays in the model.
    assert delete(stubs, stub, "u0").existed
    assert stub.Recommend(for_user(stubs, "u0"), timeout=10).source == stubs.pb.ANSWER_SOURCE_TRAINED_VECTOR
    assert metric(stub.process.admin, "kindred_profile_deletes_total", result="deleted") == 2
    assert metric(stub.process.admin, "kindred_profile_deletes_total", result="absent") == 1
    assert call_error(stubs, lambda: delete(stubs, stub, "")).fields.keys() == {"user_id"}


def test_a_retried_update_counts_once_and_again_after_a_deletion(start, stubs):
    stub = start()
    blend = stubs.pb.UPDATE_MODE_BLEND
    update(stubs, stub, "new", ["i1"], update_id="first")
    tokens = set()
    for attempt in range(3):
        answer = update(stubs, stub, "new", ["i0"], update_id="retried", mode=blend)
        assert answer.profile_version == 2 and answer.duplicate == (attempt > 0)
        tokens.add(answer.profile_token)
    assert len(tokens) == 1
    assert items_of(get(stubs, stub, "new")) == ["i1", "i0"]
    delete(stubs, stub, "new")
    answer = update(stubs, stub, "new", ["i0"], update_id="retried")
    assert answer.profile_version == 1 and not answer.duplicate
    assert items_of(get(stubs, stub, "new")) == ["i0"]


def test_a_deletion_survives_kill_9(bin_dir, raw_store, tmp_path, stubs):
    flags = ["--models", raw_store, *FREE_PORTS, "--items", tmp_path / "items", "--model-state",
             tmp_path / "model-state", "--profiles",
             f"embedded:{tmp_path / 'profiles'}"]
    users = [f"user-{n}" for n in range(20)]
    for round_number in range(3):
        process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / f"server-{round_number}.log").wait_ready()
        try:
            with grpc.insecure_channel(process.address) as channel:
                stub = stubs.Stub(channel)
                for number, user in enumerate(users):
                    kept = round_number > 0 and number % 2 == 1
                    assert get(stubs, stub, user).profile_version == (round_number if kept else 0), user
                    assert update(stubs, stub, user, ["i1"]).profile_version == (round_number + 1 if kept else 1)
                for user in users[::2]:
                    assert delete(stubs, stub, user).existed
        finally:
            process.kill()
            process.process.stdout.close()


# Many users.

def test_a_batch_answers_user_by_user(start, stubs):
    stub = start()
    update(stubs, stub, "new", ["i1", "later"])
    view = stubs.pb.ITEM_VIEW_FULL
    users = ["new", "", "u3", "x" * 1025, "nobody", "new"]
    batch = stub.BatchGetProfile(stubs.pb.BatchGetProfileRequest(user_ids=users, view=view), timeout=10)
    assert len(batch.results) == len(users)
    for user, result in zip(users, batch.results):
        if 1 <= len(user) <= 1024:
            assert result.profile == get(stubs, stub, user, view=view)
        else:
            assert result.status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
            assert f"user_ids[{users.index(user)}]" in result.status.message
            details = [detail.type_url.split("/")[1] for detail in result.status.details]
            assert sorted(details) == ["google.rpc.BadRequest", "google.rpc.ErrorInfo"]
    assert batch.results[2].profile.trained


def test_a_batch_as_a_whole_may_be_wrong(start, stubs):
    stub = start()

    def ask(users, **fields):
        return stub.BatchGetProfile(stubs.pb.BatchGetProfileRequest(user_ids=users, **fields), timeout=30)

    for users in ([], ["u0"] * 1001):
        error = call_error(stubs, lambda: ask(users))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and list(error.fields) == ["user_ids"]
    assert len(ask(["u0"] * 1000).results) == 1000
    assert call_error(stubs, lambda: ask(["u0"], model="none")).reason == "MODEL_NOT_FOUND"
    assert call_error(stubs, lambda: ask(["u0"], space="none")).reason == "SPACE_NOT_FOUND"


def test_a_batch_that_would_be_too_large_says_whose_profiles_to_ask_for_again(start, stubs):
    stub = start()
    update(stubs, stub, "large", [f"{n}-{'x' * 1000}" for n in range(256)])
    update(stubs, stub, "small", ["i1"])
    batch = stub.BatchGetProfile(stubs.pb.BatchGetProfileRequest(user_ids=["large"] * 50 + ["small"]), timeout=30)
    assert batch.ByteSize() <= 4 << 20
    answered = [result.WhichOneof("result") for result in batch.results]
    assert 5 < answered.count("profile") < 50 and answered[0] == answered[-1] == "profile"
    left_out = batch.results[answered.index("status")].status
    assert left_out.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] and "another call" in left_out.message
