"""StreamRecommend as callers use it: all subjects in their order, callers that go away, servers that stop."""
import itertools
import signal

import grpc
import pytest

from server_client import SERVICE, call_error, metric, wait_until

METHOD = {"grpc_service": SERVICE, "grpc_method": "StreamRecommend"}


@pytest.fixture
def stub(server, raw_store, channel, stubs):
    """A stub of a fresh server, with its process."""
    process = server(raw_store)
    made = stubs.Stub(channel(process.address))
    made.process = process
    return made


def subjects(stubs, count):
    """Users, known and not, with a session and a bad one among them."""
    kinds = [stubs.pb.Subject(user_id="u0"), stubs.pb.Subject(user_id="stranger"), stubs.pb.Subject(),
             stubs.pb.Subject(user_id=""), stubs.pb.Subject(user_id="u1"),
             stubs.pb.Subject(events=stubs.pb.EventList(events=[stubs.event.Event(item_id="i1")]))]
    return list(itertools.islice(itertools.cycle(kinds), count))


def stream(stubs, stub, whom, timeout=60, **fields):
    request = stubs.pb.StreamRecommendRequest(subjects=whom, request=stubs.pb.RecommendRequest(**fields))
    return stub.StreamRecommend(request, timeout=timeout)


def handled(stub, code):
    return metric(stub.process.admin, "grpc_server_handled_total", grpc_code=code, **METHOD)


def test_all_subjects_in_their_order_as_a_batch_answers_them(stub, stubs):
    whom = subjects(stubs, 2500)
    results = []
    for message in stream(stubs, stub, whom, page_size=3):
        assert message.first == len(results)
        results.extend(message.results)
    assert len(results) == len(whom)
    for begin in range(0, len(whom), 1000):
        batch = stub.BatchRecommend(stubs.pb.BatchRecommendRequest(
            subjects=whom[begin:begin + 1000], request=stubs.pb.RecommendRequest(page_size=3)), timeout=60)
        for subject, mine, other in zip(whom[begin:], results[begin:], batch.results):
            if subject.user_id == "" and subject.HasField("user_id"):
                assert mine.status.code == other.status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
            else:
                assert mine.response == other.response and mine.response.items
    wait_until(lambda: handled(stub, "OK") == 1, what="the call in the metrics")
    assert metric(stub.process.admin, "grpc_server_started_total", grpc_type="server_stream", **METHOD) == 1


def test_the_limit_of_subjects(stub, stubs):
    for count in (0, 100_001):
        error = call_error(stubs, lambda count=count: list(stream(stubs, stub, [stubs.pb.Subject()] * count)))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "subjects" in error.fields


def test_a_caller_that_cancels_ends_the_work(stub, stubs):
    for calls in range(1, 6):
        answers = stream(stubs, stub, subjects(stubs, 100_000))
        next(answers)
        answers.cancel()
        wait_until(lambda calls=calls: handled(stub, "CANCELLED") == calls, what="the end of the work")
    assert len(list(stream(stubs, stub, subjects(stubs, 10)))) == 1


def test_a_deadline_in_the_middle_ends_the_work(stub, stubs):
    answers = stream(stubs, stub, subjects(stubs, 100_000), timeout=0.1, explain=True, view=stubs.pb.ITEM_VIEW_FULL)
    with pytest.raises(grpc.RpcError) as raised:
        list(answers)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    # Either the server's own clock, or that the client hung up at its own.
    wait_until(lambda: handled(stub, "DEADLINE_EXCEEDED") + handled(stub, "CANCELLED") == 1, what="the end of the work")


def test_a_server_that_stops_answers_to_the_end(stub, stubs):
    whom = subjects(stubs, 20_000)
    answers = stream(stubs, stub, whom)
    results = list(next(answers).results)
    stub.process.process.send_signal(signal.SIGTERM)
    for message in answers:
        assert message.first == len(results)
        results.extend(message.results)
    assert len(results) == len(whom)
    assert stub.process.process.wait(timeout=30) == 0


def test_others_are_answered_while_nobody_reads_a_stream(stub, stubs):
    idle = [stream(stubs, stub, subjects(stubs, 100_000)) for _ in range(8)]
    for answers in idle:
        next(answers)
    for _ in range(50):
        assert stub.Recommend(stubs.pb.RecommendRequest(), timeout=10).items
    for answers in idle:
        answers.cancel()
