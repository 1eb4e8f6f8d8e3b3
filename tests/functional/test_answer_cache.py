"""Whole answers kept in a real Redis: an update, a swap or an item that goes out never meets an old list."""
import pytest

import bundles
from redis_process import RedisProcess
from server_client import event, for_user, metric, wait_until

KEY = "recommendations:user:u1"


@pytest.fixture
def redis(tmp_path):
    with RedisProcess(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def start(server, redis, stubs, channel, tmp_path):
    """start(models, enabled=True) → (process, stub) of one more server on the same Redis, which reads every profile there."""
    started = []

    def run(models, enabled=True):
        number = len(started)
        config = tmp_path / f"server-{number}.yaml"
        config.write_text(f"""
            profiles:
              redis:
                endpoints: ['{redis.address}']
                op_timeout: 1s  # not the time is tested
                journal: {{dir: {tmp_path / f'journal-{number}'}}}
                near_cache: {{ttl: 0s, negative_ttl: 0s}}
                answer_cache: {{enabled: {'true' if enabled else 'false'}, ttl: 90s}}
            """)
        started.append(server(models, "--config", config, items=tmp_path / f"items-{number}", profiles="redis"))
        process = started[-1]
        wait_until(lambda: metric(process.admin, "kindred_redis_connections", node=redis.address) >= 1, what="connections")
        return process, stubs.Stub(channel(process.address))

    return run


def lookups(process, result):
    return metric(process.admin, "kindred_answer_cache_lookups_total", result=result)


def update(stubs, process, stub, item, count):
    stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id="u1", events=[event(stubs, item)]), timeout=10)
    wait_until(lambda: metric(process.admin, "kindred_profile_applied_total") >= count, what="the update in Redis")


def kept(redis):
    """Waits until an answer is there; returns its value."""
    return wait_until(lambda: redis.call("GET", KEY), what="an answer in Redis")


def computed(redis, stub, request):
    """The answer without the cache, which is emptied of it."""
    redis.call("DEL", KEY)
    return stub.Recommend(request, timeout=10)


def test_servers_share_answers_and_serve_no_old_one(start, redis, raw_store, stubs):
    (first, one), (second, two) = start(raw_store), start(raw_store)
    request = for_user(stubs, "u1", page_size=3)
    before = one.Recommend(request, timeout=10)
    kept(redis)
    assert 0 < redis.call("PTTL", KEY) <= 90_000
    assert two.Recommend(request, timeout=10) == before
    assert (lookups(first, "miss"), lookups(second, "hit"), lookups(second, "miss")) == (1, 1, 0)

    for count, item in enumerate(("i0", "i3", "i4"), 1):
        update(stubs, first, one, item, count)
        answers = [stub.Recommend(request, timeout=10) for stub in (two, one, two, one)]
        assert [answer.profile_version for answer in answers] == [count] * 4
        assert all(answer == answers[0] for answer in answers)
        assert item not in [entry.item_id for entry in answers[0].items], "seen now"
        assert computed(redis, two, request) == answers[0]
    one.DeleteProfile(stubs.pb.DeleteProfileRequest(user_id="u1"), timeout=10)
    wait_until(lambda: metric(first.admin, "kindred_profile_backlog") == 0, what="the deletion in Redis")
    assert two.Recommend(request, timeout=10) == before
    assert lookups(first, "error") + lookups(second, "error") == 0


def test_a_swap_serves_no_old_list(start, redis, raw_store, stubs, tmp_path):
    """What a rolling restart does: servers of both generations on one Redis."""
    newer = tmp_path / "newer"
    bundles.write_raw_bundle(newer / "tiny/2/bundle.safetensors", bundles.RAW_USER_IDS, bundles.RAW_USERS,
                             bundles.RAW_ITEM_IDS, bundles.RAW_ITEMS[::-1].copy())
    (_, old), (_, new) = start(raw_store), start(newer)
    request = for_user(stubs, "u1", page_size=6)
    old_list = old.Recommend(request, timeout=10)
    kept(redis)
    new_list = new.Recommend(request, timeout=10)
    assert (old_list.version, new_list.version) == ("1", "2")
    assert [entry.item_id for entry in new_list.items] != [entry.item_id for entry in old_list.items]
    for _ in range(5):
        assert old.Recommend(request, timeout=10) == old_list
        assert new.Recommend(request, timeout=10) == new_list
    assert computed(redis, new, request) == new_list


def test_an_item_that_goes_out_is_in_no_list(start, redis, raw_store, stubs, channel):
    (first, one), (second, two) = start(raw_store), start(raw_store)
    request = for_user(stubs, "u1", page_size=6)
    top = one.Recommend(request, timeout=10).items[0].item_id
    kept(redis)
    items = stubs.item_service_grpc.ItemServiceStub(channel(first.admin_grpc))
    items.SetAvailability(stubs.item_service.SetAvailabilityRequest(unavailable_item_ids=[top]), timeout=10)
    for _ in range(3):
        assert top not in [entry.item_id for entry in one.Recommend(request, timeout=10).items]
        assert top == two.Recommend(request, timeout=10).items[0].item_id, "the other server was told nothing"


def test_a_damaged_answer_and_a_redis_that_is_gone_are_done_without(start, redis, raw_store, stubs):
    process, stub = start(raw_store)
    request = for_user(stubs, "u1", page_size=3)
    answer = stub.Recommend(request, timeout=10)
    value = kept(redis)
    redis.call("SET", KEY, value[:-1] + bytes([value[-1] ^ 1]))
    assert stub.Recommend(request, timeout=10) == answer
    wait_until(lambda: redis.call("GET", KEY) == value, what="the answer mended")
    redis.call("DEL", KEY)
    redis.call("HSET", KEY, "a", "b")
    assert stub.Recommend(request, timeout=10) == answer
    assert lookups(process, "hit") == 0 and lookups(process, "miss") == 3
    redis.kill()
    alone = stub.Recommend(request, timeout=10)
    assert alone.items == answer.items and list(alone.degradations) == [stubs.pb.DEGRADATION_PROFILE_STORE_UNAVAILABLE]


def test_off_by_default_nothing_is_kept(start, redis, raw_store, stubs):
    process, stub = start(raw_store, enabled=False)
    for _ in range(3):
        stub.Recommend(for_user(stubs, "u1"), timeout=10)
    assert redis.call("KEYS", "recommendations:*") == []
    assert sum(lookups(process, result) for result in ("hit", "miss", "error")) == 0


def test_a_deleted_user_takes_the_answer_along(start, redis, raw_store, stubs):
    _, stub = start(raw_store)
    stub.Recommend(for_user(stubs, "u1", page_size=3), timeout=10)
    kept(redis)
    stub.DeleteProfile(stubs.pb.DeleteProfileRequest(user_id="u1"), timeout=10)
    wait_until(lambda: redis.call("EXISTS", KEY) == 0, what="the kept answer to go")
