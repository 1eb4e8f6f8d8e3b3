"""What the tests of the server share: error details, health, HTTP and waiting."""
import time
import urllib.error
import urllib.request

import grpc

SERVICE = "kindred.v1.RecommendationService"


def wait_until(condition, seconds=30, what="condition"):
    """Polls until `condition()` is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def http(admin, path, method="GET"):
    """(status, body, headers) of a page of the admin server."""
    request = urllib.request.Request(f"http://{admin}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode(), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def metric(admin, name, **labels):
    """The sum of a metric's samples that have these labels."""
    total = 0.0
    for line in http(admin, "/metrics")[1].splitlines():
        sample, _, value = line.rpartition(" ")
        if sample.split("{")[0] == name and all(f'{key}="{text}"' in sample for key, text in labels.items()):
            total += float(value)
    return total


def call_error(stubs, call):
    """The grpc.RpcError that `call()` must raise, with `.reason` and `.fields` from its google.rpc.Status."""
    try:
        answer = call()
    except grpc.RpcError as error:
        error.reason, error.fields = None, {}
        for key, value in error.trailing_metadata() or ():
            if key != "grpc-status-details-bin":
                continue
            status = stubs.status.Status.FromString(value)
            assert status.code == error.code().value[0]
            for detail in status.details:
                if detail.Is(stubs.error_details.ErrorInfo.DESCRIPTOR):
                    info = stubs.error_details.ErrorInfo.FromString(detail.value)
                    assert info.domain == "kindred"
                    error.reason = info.reason
                if detail.Is(stubs.error_details.BadRequest.DESCRIPTOR):
                    bad = stubs.error_details.BadRequest.FromString(detail.value)
                    error.fields = {v.field: v.description for v in bad.field_violations}
        return error
    raise AssertionError(f"expected an error, got {answer}")


def event(stubs, item_id, **fields):
    return stubs.event.Event(item_id=item_id, **fields)


def for_user(stubs, user_id, **fields):
    return stubs.pb.RecommendRequest(subject=stubs.pb.Subject(user_id=user_id), **fields)
