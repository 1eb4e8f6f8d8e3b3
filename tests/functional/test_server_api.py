"""The API as clients we did not write see it: grpcurl and Python's grpcio, on a raw bundle from the Python package."""
import json

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import bundles
from server_client import SERVICE, call_error, event, for_user, metric, wait_until

ALL = list(range(len(bundles.RAW_ITEM_IDS)))


@pytest.fixture
def api(server, raw_store, channel, stubs):
    process = server(raw_store)
    stub = stubs.Stub(channel(process.address))
    stub.process = process
    return stub


def ranking(vector):
    """Items by dot product, then index: what the server must answer, from NumPy."""
    scores = bundles.RAW_ITEMS @ np.asarray(vector, np.float32)
    order = sorted(ALL, key=lambda i: (-scores[i], i))
    return [(f"i{i}", pytest.approx(float(scores[i]), rel=1e-6)) for i in order]


def answered(response):
    return [(item.item_id, item.score) for item in response.items]


# Reflection, health.

def test_grpcurl_lists_describes_and_calls_by_reflection(api, grpcurl):
    address = api.process.address
    assert SERVICE in grpcurl(address, "list").split()
    assert "grpc.health.v1.Health" in grpcurl(address, "list").split()
    assert f"{SERVICE}.Recommend" in grpcurl(address, "list", SERVICE).split()
    assert "page_size" in grpcurl(address, "describe", "kindred.v1.RecommendRequest")
    health = json.loads(grpcurl("-d", json.dumps({"service": SERVICE}), address, "grpc.health.v1.Health/Check"))
    assert health == {"status": "SERVING"}
    answer = json.loads(grpcurl("-d", json.dumps({"subject": {"user_id": "u3"}, "page_size": 2}), address,
                                f"{SERVICE}/Recommend"))
    assert [item["item_id"] for item in answer["items"]] == [i for i, _ in ranking([2, 1])[:2]]
    assert answer["model"] == "tiny" and answer["version"] == "1" and answer["exact"] is True
    assert answer["source"] == "ANSWER_SOURCE_TRAINED_VECTOR"


def test_health_check_and_watch(server, raw_store, channel, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text("shutdown: {lame_duck: 1s}\n")
    process = server(raw_store, "--config", config)
    health = health_pb2_grpc.HealthStub(channel(process.address))
    serving, not_serving = (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)
    for service in ("", SERVICE):
        assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == serving
    with pytest.raises(grpc.RpcError) as error:
        health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=10)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND

    watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
    assert next(watch).status == serving
    process.process.terminate()
    # Told while the server still answers: the lame duck.
    assert next(watch).status == not_serving
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == not_serving
    # Watches are ended, not waited for: the drain timeout is 20 s.
    with pytest.raises(grpc.RpcError) as error:
        next(watch)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert process.process.wait(timeout=10) == 0


def test_many_watches_come_and_go(api):
    watched = grpc.insecure_channel(api.process.address)
    health = health_pb2_grpc.HealthStub(watched)
    for _ in range(5):
        watches = [health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=60)
                   for name in ("", SERVICE, "unknown") * 10]
        statuses = [next(watch).status for watch in watches]
        assert statuses == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.SERVING,
                            health_pb2.HealthCheckResponse.SERVICE_UNKNOWN] * 10
        for watch in watches[::2]:
            watch.cancel()
    watched.close()  # the others go with their connection


# Recommend, SimilarItems.

def test_a_raw_bundle_from_python_is_served_exactly(api, stubs):
    for user, vector in zip(bundles.RAW_USER_IDS, bundles.RAW_USERS):
        response = api.Recommend(for_user(stubs, user), timeout=10)
        assert answered(response) == ranking(vector), user
        assert response.source == stubs.pb.ANSWER_SOURCE_TRAINED_VECTOR
        assert response.exact and response.space == "main" and response.digest
        assert not response.degradations and not response.missing_ids


def test_an_unknown_user_and_no_user_get_the_average(api, stubs):
    average = bundles.RAW_USERS.mean(axis=0)
    for request in (for_user(stubs, "nobody"), stubs.pb.RecommendRequest(),
                    stubs.pb.RecommendRequest(subject=stubs.pb.Subject())):
        response = api.Recommend(request, timeout=10)
        assert response.source == stubs.pb.ANSWER_SOURCE_AVERAGE
        assert answered(response) == ranking(average)


def test_inline_events_are_folded_in_and_not_kept(api, stubs):
    events = stubs.pb.EventList(events=[event(stubs, "i1"), event(stubs, "unheard-of")])
    response = api.Recommend(stubs.pb.RecommendRequest(subject=stubs.pb.Subject(events=events)), timeout=10)
    assert response.source == stubs.pb.ANSWER_SOURCE_INLINE_EVENTS
    assert list(response.missing_ids) == ["unheard-of"]
    assert "i1" not in [item.item_id for item in response.items]
    seen_too = api.Recommend(stubs.pb.RecommendRequest(subject=stubs.pb.Subject(events=events), include_seen=True),
                             timeout=10)
    assert "i1" in [item.item_id for item in seen_too.items]
    assert len(seen_too.items) == len(response.items) + 1


def test_exclusions_candidates_and_missing_ids(api, stubs):
    response = api.Recommend(for_user(stubs, "u3", exclude_item_ids=["i3", "gone", "gone"]), timeout=10)
    assert [item for item, _ in answered(response)] == [i for i, _ in ranking([2, 1]) if i != "i3"]
    assert list(response.missing_ids) == ["gone"]
    response = api.Recommend(for_user(stubs, "u3", candidate_item_ids=["i5", "i0", "nope", "i5"],
                                      exclude_item_ids=["i0"]), timeout=10)
    assert [item for item, _ in answered(response)] == ["i5"]
    assert list(response.missing_ids) == ["nope"]
    # Only these, even when none of them is known.
    assert not api.Recommend(for_user(stubs, "u3", candidate_item_ids=["nope"]), timeout=10).items


def test_explained_terms_add_up_to_the_score(api, stubs):
    response = api.Recommend(for_user(stubs, "u7", explain=True, view=stubs.pb.ITEM_VIEW_FULL), timeout=10)
    assert answered(response) == ranking([1, -1])
    for item in response.items:
        assert sum(term.value for term in item.terms) + item.prior == pytest.approx(item.score, rel=1e-5, abs=1e-6)
        assert all(term.label for term in item.terms)
        assert item.name == item.item_id


def test_similar_items_by_cosine(api, stubs):
    response = api.SimilarItems(stubs.pb.SimilarItemsRequest(item_id="i2", page_size=3), timeout=10)
    unit = bundles.RAW_ITEMS / np.linalg.norm(bundles.RAW_ITEMS, axis=1, keepdims=True)
    cosine = unit @ unit[2]
    order = [i for i in sorted(ALL, key=lambda i: (-round(float(cosine[i]), 6), i)) if i != 2][:3]
    assert [item.item_id for item in response.items] == [f"i{i}" for i in order]
    for item, index in zip(response.items, order):
        assert item.score == pytest.approx(float(cosine[index]), abs=1e-6)
    assert response.exact and response.model == "tiny"


# What must not hurt it.

@pytest.mark.parametrize("page_size, expected", [(0, 6), (1, 1), (2, 2), (1000, 6), (1001, 6), (2**31 - 1, 6)])
def test_page_sizes(api, stubs, page_size, expected):
    # Six items in all: 0 means ten, more than there are means all.
    assert len(api.Recommend(for_user(stubs, "u0", page_size=page_size), timeout=10).items) == expected
    similar = api.SimilarItems(stubs.pb.SimilarItemsRequest(item_id="i0", page_size=page_size), timeout=10)
    assert len(similar.items) == min(expected, 5)


def test_page_size_zero_means_ten_and_a_thousand_is_the_most(server, tmp_path, channel, stubs):
    rng = np.random.default_rng(1)
    ids = [f"item-{i}" for i in range(1500)]
    bundles.write_raw_bundle(tmp_path / "m/wide/1/bundle.safetensors", ["u"], rng.normal(size=(1, 24)), ids,
                             rng.normal(size=(1500, 24)))
    stub = stubs.Stub(channel(server(tmp_path / "m").address))
    for page_size, expected in ((0, 10), (1000, 1000), (2**31 - 1, 1000)):
        assert len(stub.Recommend(for_user(stubs, "u", page_size=page_size), timeout=10).items) == expected
    # Explained, each item carries a term a dimension: a hundred at most.
    explained = stub.Recommend(for_user(stubs, "u", page_size=1000, explain=True), timeout=10)
    assert len(explained.items) == 100
    assert explained.ByteSize() < 4 << 20


def test_bad_fields_are_named(api, stubs):
    pb = stubs.pb
    long_id = "x" * (1 << 20)
    cases = [
        (api.Recommend, for_user(stubs, "u0", page_size=-1), "page_size"),
        (api.Recommend, for_user(stubs, "u0", page_size=-2**31), "page_size"),
        (api.Recommend, for_user(stubs, ""), "subject.user_id"),
        (api.Recommend, for_user(stubs, long_id), "subject.user_id"),
        (api.Recommend, for_user(stubs, "u0", exclude_item_ids=["i0", ""]), "exclude_item_ids[1]"),
        (api.Recommend, for_user(stubs, "u0", candidate_item_ids=["x"] * 10001), "candidate_item_ids"),
        (api.Recommend, for_user(stubs, "u0", view=9), "view"),
        (api.Recommend, for_user(stubs, "u0", model="m" * 257), "model"),
        (api.Recommend, pb.RecommendRequest(subject=pb.Subject(events=pb.EventList(
            events=[event(stubs, "i0", weight=float("nan"))]))), "subject.events.events[0].weight"),
        (api.SimilarItems, pb.SimilarItemsRequest(), "item_id"),
        (api.SimilarItems, pb.SimilarItemsRequest(item_id=long_id), "item_id"),
        (api.SimilarItems, pb.SimilarItemsRequest(item_id="i0", page_size=-1), "page_size"),
        (api.UpdateProfile, pb.UpdateProfileRequest(events=[event(stubs, "i0")]), "user_id"),
        (api.UpdateProfile, pb.UpdateProfileRequest(user_id="u"), "events"),
        (api.UpdateProfile, pb.UpdateProfileRequest(user_id="u", events=[event(stubs, "i0")] * 257), "events"),
        (api.UpdateProfile, pb.UpdateProfileRequest(user_id="u", events=[event(stubs, "")]), "events[0].item_id"),
        (api.UpdateProfile, pb.UpdateProfileRequest(user_id="u", events=[event(stubs, "i0", weight=-1)]),
         "events[0].weight"),
        (api.UpdateProfile, pb.UpdateProfileRequest(user_id="u", events=[event(stubs, "i0")], update_id="x" * 65),
         "update_id"),
        (api.GetProfile, pb.GetProfileRequest(), "user_id"),
        (api.GetProfile, pb.GetProfileRequest(user_id=long_id), "user_id"),
    ]
    for method, request, field in cases:
        error = call_error(stubs, lambda: method(request, timeout=10))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, (field, error)
        assert error.reason == "INVALID_FIELD"
        assert list(error.fields) == [field], error.fields
        assert "expected" in error.fields[field]
        assert len(error.details()) < 2000
    assert answered(api.Recommend(for_user(stubs, "u0"), timeout=10)) == ranking([1, 0])


def test_what_is_not_there_is_not_found(api, stubs):
    pb = stubs.pb
    for call, reason in (
            (lambda: api.Recommend(for_user(stubs, "u0", model="other"), timeout=10), "MODEL_NOT_FOUND"),
            (lambda: api.Recommend(for_user(stubs, "u0", space="other"), timeout=10), "SPACE_NOT_FOUND"),
            (lambda: api.SimilarItems(pb.SimilarItemsRequest(item_id="i99"), timeout=10), "ITEM_NOT_FOUND"),
            (lambda: api.SimilarItems(pb.SimilarItemsRequest(item_id="i0", space="x"), timeout=10), "SPACE_NOT_FOUND"),
            (lambda: api.GetProfile(pb.GetProfileRequest(user_id="u", model="other"), timeout=10), "MODEL_NOT_FOUND"),
            (lambda: api.GetProfile(pb.GetProfileRequest(user_id="u", space="other"), timeout=10), "SPACE_NOT_FOUND")):
        error = call_error(stubs, call)
        assert error.code() == grpc.StatusCode.NOT_FOUND
        assert error.reason == reason
    assert "this server has: tiny" in call_error(
        stubs, lambda: api.Recommend(for_user(stubs, "u0", model="other"), timeout=10)).details()


def raw_call(address, method, payload):
    """Sends bytes as they are, as no stub would."""
    with grpc.insecure_channel(address) as raw:
        return raw.unary_unary(f"/{SERVICE}/{method}")(payload, timeout=10)


@pytest.mark.parametrize("method, payload, field", [
    ("Recommend", b"\x12\x06\x0a\x04\xff\xfe\xfd\xfc", "subject.user_id"),
    ("Recommend", b"\x0a\x02\xc3\x28", "model"),
    ("Recommend", b"\x32\x02ok\x32\x03\xed\xa0\x80", "exclude_item_ids[1]"),
    ("SimilarItems", b"\x12\x02\xc0\x80", "item_id"),
    ("UpdateProfile", b"\x0a\x01u\x12\x03\x0a\x01\x80", "events[0].item_id"),
    ("GetProfile", b"\x12\x04\xf5\x80\x80\x80", "user_id"),
])
def test_invalid_utf8_is_named(api, stubs, method, payload, field):
    error = call_error(stubs, lambda: raw_call(api.process.address, method, payload))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.fields == {field: "is not valid UTF-8"}
    assert answered(api.Recommend(for_user(stubs, "u0"), timeout=10)) == ranking([1, 0])


def test_bytes_that_are_no_message_are_refused(api, stubs):
    rng = np.random.default_rng(7)
    payloads = [b"\xff\xff\xff", b"\x0a\xff\xff\xff\xff\x7f", b"\x0b" * 1000, b"\x12\x80\x80\x80\x80\x08x"]
    payloads += [rng.bytes(int(n)) for n in rng.integers(1, 300, 40)]
    for payload in payloads:
        for method in ("Recommend", "UpdateProfile"):
            try:
                raw_call(api.process.address, method, payload)  # some noise is a message after all
            except grpc.RpcError as error:
                assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), (payload, error)
    assert answered(api.Recommend(for_user(stubs, "u0"), timeout=10)) == ranking([1, 0])


def test_a_request_above_the_size_limit_is_refused(api, stubs):
    request = stubs.pb.RecommendRequest(exclude_item_ids=["x" * 250] * 20000)
    error = call_error(stubs, lambda: api.Recommend(request, timeout=30))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert api.Recommend(for_user(stubs, "u0"), timeout=10).items


def test_more_than_one_model_must_be_named(server, tmp_path, channel, stubs):
    for name in ("one", "two"):
        bundles.write_raw_store(tmp_path / "m", name)
    stub = stubs.Stub(channel(server(tmp_path / "m").address))
    error = call_error(stubs, lambda: stub.Recommend(for_user(stubs, "u0"), timeout=10))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "one, two" in error.fields["model"]
    assert stub.Recommend(for_user(stubs, "u0", model="two"), timeout=10).model == "two"


def test_answers_are_counted(api, stubs):
    admin = api.process.admin
    for _ in range(3):
        api.Recommend(for_user(stubs, "u0"), timeout=10)
    call_error(stubs, lambda: api.Recommend(for_user(stubs, ""), timeout=10))
    wait_until(lambda: metric(admin, "grpc_server_handled_total", grpc_method="Recommend") == 4, what="four answers")
    assert metric(admin, "grpc_server_handled_total", grpc_method="Recommend", grpc_code="OK") == 3
    assert metric(admin, "grpc_server_handled_total", grpc_method="Recommend", grpc_code="INVALID_ARGUMENT") == 1
    assert metric(admin, "grpc_server_handling_seconds_count", grpc_method="Recommend") == 4
    assert metric(admin, "kindred_answers_total", source="trained_vector") == 3
