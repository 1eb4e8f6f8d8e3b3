"""ItemService on the admin gRPC port: which items are out, kept over restarts and crashes, for operators who err."""
import concurrent.futures
import json
import random
import resource
import signal

import grpc
import pytest

from server_client import SERVICE, call_error, http, metric, wait_until
from server_process import FREE_PORTS, ServerProcess

ITEM_SERVICE = "kindred.v1.ItemService"


class Operator:
    """The admin gRPC port of a server, as an operator's script uses it."""

    def __init__(self, stubs, channel):
        self.pb, self.stub = stubs.item_service, stubs.item_service_grpc.ItemServiceStub(channel)

    def set(self, out=(), back=()):
        return self.stub.SetAvailability(
            self.pb.SetAvailabilityRequest(unavailable_item_ids=out, available_item_ids=back), timeout=30)

    def page(self, **fields):
        return self.stub.ListUnavailableItems(self.pb.ListUnavailableItemsRequest(**fields), timeout=30)

    def list(self, page_size=0):
        ids, token = [], ""
        while True:
            page = self.page(page_size=page_size, page_token=token)
            ids += page.item_ids
            token = page.next_page_token
            if not token:
                assert len(ids) == page.unavailable_items
                return ids


@pytest.fixture
def operator(stubs, channel):
    return lambda process: Operator(stubs, channel(process.admin_grpc))


@pytest.fixture
def embedded(server, raw_store, tmp_path):
    """embedded(wait=True) → a server whose profiles and items are on the disk, the same at every call."""
    return lambda wait=True: server(raw_store, profiles=f"embedded:{tmp_path / 'profiles'}", wait=wait)


def test_items_go_out_and_come_back(embedded, operator):
    process = embedded()
    items = operator(process)
    answer = items.set(out=["i3", "i1", "not in any model"])
    assert (answer.unavailable_items, answer.availability_version, answer.changed) == (3, 1, 3)
    answer = items.set(out=["i1", "i5"], back=["i3", "i0"])
    assert (answer.unavailable_items, answer.availability_version, answer.changed) == (3, 2, 2)
    answer = items.set(out=["i1"])
    assert (answer.unavailable_items, answer.availability_version, answer.changed) == (3, 2, 0)
    assert items.list() == ["i1", "i5", "not in any model"]
    assert items.list(page_size=1) == items.list()

    assert metric(process.admin, "kindred_items_unavailable") == 3
    assert metric(process.admin, "kindred_availability_version") == 2
    for result, count in {"applied": 2, "unchanged": 1, "failed": 0}.items():
        assert metric(process.admin, "kindred_availability_changes_total", result=result) == count
    assert metric(process.admin, "grpc_server_handled_total", grpc_method="SetAvailability", grpc_code="OK") == 3
    assert "3, version 2" in http(process.admin, "/")[1]


def recommended(stubs, stub, method):
    """The items that a ranking method gives, of all six."""
    request = stubs.pb.RecommendRequest(page_size=6, include_seen=True)
    subjects = [stubs.pb.Subject(user_id="u0")]
    if method == "Recommend":
        request.subject.user_id = "u0"
        answer = stub.Recommend(request, timeout=10)
    elif method == "BatchRecommend":
        answer = stub.BatchRecommend(stubs.pb.BatchRecommendRequest(subjects=subjects, request=request),
                                     timeout=10).results[0].response
    elif method == "StreamRecommend":
        (message,) = stub.StreamRecommend(stubs.pb.StreamRecommendRequest(subjects=subjects, request=request), timeout=10)
        answer = message.results[0].response
    else:
        answer = stub.SimilarItems(stubs.pb.SimilarItemsRequest(item_id="i0", page_size=6), timeout=10)
    return {item.item_id for item in answer.items}


@pytest.mark.parametrize("method", ["Recommend", "BatchRecommend", "StreamRecommend", "SimilarItems"])
def test_what_is_out_comes_back_from_no_method(embedded, operator, stubs, channel, method):
    """From the first request after the acknowledgement on, and over a restart."""
    process = embedded()
    items, stub = operator(process), stubs.Stub(channel(process.address))
    every = {"i1", "i2", "i3", "i4", "i5"} | ({"i0"} if method != "SimilarItems" else set())
    for _ in range(20):
        items.set(out=["i1", "i4"])
        assert recommended(stubs, stub, method) == every - {"i1", "i4"}
        items.set(back=["i1"])
        assert recommended(stubs, stub, method) == every - {"i4"}
        items.set(back=["i4"])
        assert recommended(stubs, stub, method) == every
    items.set(out=["i2"])
    process.stop()
    assert recommended(stubs, stubs.Stub(channel(embedded().address)), method) == every - {"i2"}


def test_a_restart_keeps_what_is_out(embedded, operator):
    process = embedded()
    operator(process).set(out=["i1", "ünïcödé", "i2"])
    operator(process).set(back=["i2"])
    process.stop()
    process = embedded()
    items = operator(process)
    assert items.list() == ["i1", "ünïcödé"]
    assert items.page().availability_version == 2
    opened = next(json.loads(line) for line in process.log().splitlines() if "items open" in line)
    assert (opened["unavailable"], opened["availability_version"]) == (2, 2)
    assert "i1" not in [field for line in process.log().splitlines() for field in json.loads(line).values()]


def test_what_was_acknowledged_survives_kill_9(embedded, operator, tmp_path):
    """Killed right after the acknowledgement, again and again; what the server holds is what it said."""
    random_source = random.Random(20261127)
    expected, version = set(), 0
    for round_number in range(5):
        process = embedded()
        items = operator(process)
        assert items.list() == sorted(expected), f"after kill {round_number}"
        assert items.page().availability_version == version
        for _ in range(random_source.randint(1, 4)):
            out = {f"i{random_source.randint(0, 50)}" for _ in range(10)}
            back = {f"i{random_source.randint(0, 50)}" for _ in range(10)} - out
            version = items.set(out=out, back=back).availability_version
            expected = (expected | out) - back
        process.process.send_signal(signal.SIGKILL)
        process.process.wait(timeout=30)
    process = embedded()
    assert operator(process).list() == sorted(expected)
    assert sorted(path.name for path in (tmp_path / "items").iterdir()) == ["LOCK", "availability"]


def test_a_kill_in_the_middle_of_a_change_leaves_one_of_the_two(embedded, operator):
    """No half of a change, whenever the kill comes."""
    random_source = random.Random(7)
    halves = [[f"{half}-{n:04}" for n in range(5000)] for half in "ab"]
    for _ in range(5):
        process = embedded()
        items = operator(process)
        before = items.set(out=halves[0], back=halves[1]).availability_version
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            def flip():
                for n in range(1000):
                    items.set(out=halves[(n + 1) % 2], back=halves[n % 2])

            flipping = pool.submit(flip)
            target = before + random_source.randint(2, 12)
            wait_until(lambda: flipping.done() or metric(process.admin, "kindred_availability_version") >= target,
                       what="changes")
            process.process.send_signal(signal.SIGKILL)
            process.process.wait(timeout=30)
            assert isinstance(flipping.exception(timeout=60), grpc.RpcError)
        process = embedded()
        assert operator(process).list(page_size=10_000) in halves
        process.stop()


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "another file"])
def test_a_damaged_file_stops_the_start_and_says_what_to_do(embedded, operator, tmp_path, damage):
    process = embedded()
    operator(process).set(out=[f"i{n}" for n in range(100)])
    process.stop()
    path = tmp_path / "items" / "availability"
    good = path.read_bytes()
    bad = {"empty": b"", "cut": good[:-1], "one bit": good[:60] + bytes([good[60] ^ 1]) + good[61:],
           "another file": b"{\"items\": [\"and that is not all\"]}"}[damage]
    path.write_bytes(bad)
    process = embedded(wait=False)
    assert process.process.wait(timeout=30) == 1
    error = json.loads(process.log().splitlines()[-1])["error"]
    for said in (str(path), "is damaged", "Restore it from a backup; or move it away"):
        assert said in error
    assert path.read_bytes() == bad  # nobody threw it away

    path.rename(tmp_path / "moved-away")
    process = embedded()
    assert operator(process).list() == []
    process.stop()
    path.write_bytes(good)
    assert len(operator(embedded()).list()) == 100


def test_two_servers_do_not_share_a_folder(embedded, server, raw_store, tmp_path):
    embedded()
    second = server(raw_store, profiles=f"embedded:{tmp_path / 'other-profiles'}", wait=False)
    assert second.process.wait(timeout=30) == 1
    error = json.loads(second.log().splitlines()[-1])["error"]
    assert str(tmp_path / "items") in error and "another process uses it" in error and "--items" in error


def test_with_the_memory_store_nothing_is_written(server, raw_store, operator, tmp_path):
    process = server(raw_store)
    items = operator(process)
    items.set(out=["i1"])
    assert items.list() == ["i1"]
    assert not (tmp_path / "items").exists()
    process.stop()
    assert operator(server(raw_store)).list() == []


def test_a_full_disk_refuses_changes_only_and_heals(embedded, operator, stubs, channel, tmp_path):
    """A limit on file sizes is the full disk."""
    process = embedded()
    items = operator(process)
    items.set(out=["i1"])
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    error = call_error(stubs, lambda: items.set(out=["i2"], back=["i1"]))
    assert (error.code(), error.reason) == (grpc.StatusCode.UNAVAILABLE, "AVAILABILITY_NOT_STORED")
    assert str(tmp_path / "items" / "availability") in error.details()
    assert items.list() == ["i1"]
    assert metric(process.admin, "kindred_availability_changes_total", result="failed") == 1
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert items.set(out=["i2"], back=["i1"]).availability_version == 2
    process.stop()
    assert operator(embedded()).list() == ["i2"]


@pytest.mark.parametrize("fields, field, said", [
    ({"out": ["i1", ""]}, "unavailable_item_ids[1]", "is empty, expected 1 to 1024 bytes"),
    ({"back": ["x" * 1025]}, "available_item_ids[0]", "is 1025 bytes long"),
    ({"out": ["x"] * 10_001}, "unavailable_item_ids", "has 10001 ids, expected at most 10000"),
    ({"back": ["x"] * 10_001}, "available_item_ids", "has 10001 ids, expected at most 10000"),
    ({"out": ["a", "b"], "back": ["c", "b"]}, "available_item_ids[1]", "is in unavailable_item_ids too"),
])
def test_a_wrong_change_names_its_field_and_changes_nothing(server, raw_store, operator, stubs, fields, field, said):
    items = operator(server(raw_store))
    items.set(out=["kept"])
    error = call_error(stubs, lambda: items.set(**fields))
    assert (error.code(), error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert said in error.fields[field]
    assert items.list() == ["kept"]


@pytest.mark.parametrize("fields, field", [
    ({"page_size": -1}, "page_size"), ({"page_token": "x"}, "page_token"), ({"page_token": "A" * 100_000}, "page_token"),
    ({"page_token": "SQ=="}, "page_token"),
])
def test_a_wrong_page_names_its_field(server, raw_store, operator, stubs, fields, field):
    items = operator(server(raw_store))
    error = call_error(stubs, lambda: items.page(**fields))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and field in error.fields


def test_hostile_bytes_harm_nobody(server, raw_store, operator, channel):
    process = server(raw_store)
    items = operator(process)
    items.set(out=["kept"])
    raw = channel(process.admin_grpc)
    random_source = random.Random(5)
    noise = [bytes(random_source.randrange(256) for _ in range(random_source.randrange(200))) for _ in range(200)]
    for method in ("SetAvailability", "ListUnavailableItems"):
        call = raw.unary_unary(f"/{ITEM_SERVICE}/{method}")
        for request in [b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\xff\x0f", b"\x12", *noise]:
            try:
                call(request, timeout=30)
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
    with pytest.raises(grpc.RpcError) as too_large:
        raw.unary_unary(f"/{ITEM_SERVICE}/SetAvailability")(b"\x0a\x01x" * (9 << 20), timeout=60)
    assert too_large.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "kept" in items.list()
    assert process.process.poll() is None


def test_the_largest_change_and_its_pages(embedded, operator):
    """20,000 ids as long as they may be; the answers stay below what clients take."""
    process = embedded()
    items = operator(process)
    first, second = ([f"{half}{n:05}".ljust(1024, "x") for n in range(10_000)] for half in "ab")
    assert items.set(out=first).changed == 10_000
    assert items.set(out=second, back=first).changed == 20_000
    assert items.list(page_size=10_000) == second
    process.stop()
    assert operator(embedded()).list(page_size=10_000) == second


def test_each_port_has_its_own_services(server, raw_store, operator, stubs, channel):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    process = server(raw_store)
    admin, public = channel(process.admin_grpc), channel(process.address)
    health = health_pb2_grpc.HealthStub(admin)
    for service in ("", ITEM_SERVICE):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    for where, method in ((public, f"/{ITEM_SERVICE}/SetAvailability"), (admin, f"/{SERVICE}/Recommend")):
        with pytest.raises(grpc.RpcError) as unknown:
            where.unary_unary(method)(b"", timeout=10)
        assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_operators_at_the_same_time_all_count(embedded, operator, stubs):
    process = embedded()

    def take_out(worker):
        with grpc.insecure_channel(process.admin_grpc, [("grpc.use_local_subchannel_pool", 1)]) as own:
            items = Operator(stubs, own)
            return [items.set(out=[f"{worker}-{n}"]).availability_version for n in range(20)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        versions = [version for seen in pool.map(take_out, range(8)) for version in seen]
    assert sorted(versions) == list(range(1, 161))
    assert operator(process).list() == sorted(f"{worker}-{n}" for worker in range(8) for n in range(20))


def test_stopping_lets_operators_finish(bin_dir, raw_store, stubs, tmp_path):
    """Every change that was acknowledged while the server stopped is there afterwards."""
    flags = ["--models", raw_store, *FREE_PORTS, "--items", tmp_path / "items", "--model-state",
             tmp_path / "model-state", "--profiles",
             f"embedded:{tmp_path / 'profiles'}"]
    process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / "server-0.log").wait_ready()
    acknowledged, wrong = [], []

    def change():
        with grpc.insecure_channel(process.admin_grpc) as own:
            items = Operator(stubs, own)
            for n in range(10**6):
                try:
                    items.set(out=[f"{n:06}"])
                except grpc.RpcError as error:
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                        wrong.append(error)
                    return
                acknowledged.append(f"{n:06}")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        wait_until(lambda: len(acknowledged) > 20 or changing.done(), what="changes")
        process.stop()
        changing.result(timeout=30)
    assert not wrong, wrong
    process = ServerProcess(bin_dir / "kindred-server", flags, tmp_path / "server-1.log").wait_ready()
    try:
        with grpc.insecure_channel(process.admin_grpc) as own:
            kept = Operator(stubs, own).list()
    finally:
        process.stop()
    assert kept[:len(acknowledged)] == acknowledged and len(kept) <= len(acknowledged) + 1
