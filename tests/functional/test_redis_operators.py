"""What operators of a server with profiles in Redis rely on: flags, metrics, the status page, the ACL of the document."""
import json
import re

import grpc

from redis_process import free_port
from server_client import event, for_user, http, metric, wait_until


def update(stubs, stub, user, item="i1", **fields):
    return stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=user, events=[event(stubs, item)], **fields), timeout=10)


def applied(process, count):
    wait_until(lambda: metric(process.admin, "kindred_profile_applied_total") >= count, what="updates in Redis")


def test_redis_that_is_away_does_not_keep_the_server_from_its_work(redis_server, stubs, channel):
    address = f"127.0.0.1:{free_port()}"
    process = redis_server(address)
    assert http(process.admin, "/readyz")[0] == 200
    opened = next(json.loads(line) for line in process.log().splitlines() if "profile store open" in line)
    assert opened["store"] == "redis" and opened["redis"] == address
    stub = stubs.Stub(channel(process.address))
    answer = update(stubs, stub, "ann")
    assert answer.durability == stubs.pb.DURABILITY_JOURNAL
    recommended = stub.Recommend(for_user(stubs, "ann"), timeout=10)
    assert recommended.items and recommended.profile_version == 1
    assert metric(process.admin, "kindred_profile_backlog") == 1
    assert metric(process.admin, "kindred_profile_backlog_limit") == 1_000_000
    wait_until(lambda: metric(process.admin, "kindred_redis_breaker_state", node=address) > 0, what="the breaker")
    assert metric(process.admin, "kindred_profile_backlog_oldest_seconds") > 0
    page = http(process.admin, "/")[1]
    assert "<h2>Redis</h2>" in page and f"<td>{address}</td>" in page and "1 of at most 1000000 profiles wait" in page
    process.stop()  # 0, although Redis never had it
    assert "Redis does not have everything" in process.log()


def test_what_waited_is_written_when_redis_comes_and_other_servers_see_it(redis_server, redis, stubs, channel, kindred,
                                                                          tmp_path):
    port = free_port()
    first = redis_server(f"127.0.0.1:{port}")
    update(stubs, stubs.Stub(channel(first.address)), "ann")
    running = redis(port=port)
    applied(first, 1)
    wait_until(lambda: metric(first.admin, "kindred_profile_backlog") == 0, what="an empty backlog")
    assert running.call("EXISTS", "profile:ann") == 1
    second = redis_server(running.address, number=1)
    wait_until(lambda: metric(second.admin, "kindred_redis_connections", node=running.address) == 2, what="connections")
    file = tmp_path / "ann.jsonl"
    file.write_text(kindred("profiles", "get", "ann", "--admin-server", first.admin_grpc).stdout)
    # The other server reads it, and finds that it has everything.
    result = kindred("profiles", "import", file, "--dry-run", "--admin-server", second.admin_grpc)
    assert result.stdout == "0 profiles would change, 1 had everything, 0 bad lines\n", result.stderr
    assert metric(second.admin, "kindred_profile_sources_total", source="redis") >= 1
    assert metric(second.admin, "kindred_redis_ops_total", node=running.address, result="ok") > 0
    assert metric(second.admin, "kindred_redis_op_seconds_count", node=running.address) > 0
    assert metric(second.admin, "kindred_redis_connections", node=running.address) == 2


def test_another_server_reads_what_one_wrote(redis_server, redis, stubs, channel):
    running = redis()
    first, second = redis_server(running.address), redis_server(running.address, number=1)
    update(stubs, stubs.Stub(channel(first.address)), "ann")
    stub = stubs.Stub(channel(second.address))
    wait_until(lambda: stub.GetProfile(stubs.pb.GetProfileRequest(user_id="ann"), timeout=10).profile_version == 1,
               what="the profile at another server")
    assert metric(second.admin, "kindred_profile_sources_total", source="redis") >= 1


def test_the_acl_of_the_document_is_enough_and_no_more(redis_server, redis, stubs, channel, kindred, repo, tmp_path):
    """Everything that a server does with Redis, as the user that docs/operations.md says; nothing is denied."""
    (line,) = re.findall(r"^user (kindred on >PASSWORD .*)$", (repo / "docs/operations.md").read_text(), re.M)
    running = redis(acl=[line.replace("PASSWORD", "secret")])
    password = tmp_path / "password"
    password.write_text("secret\n")
    more = f"    username: kindred\n    password_file: {password}\n    answer_cache: {{enabled: true}}\n"
    first = redis_server(running.address, more=more)
    second = redis_server(running.address, number=1, more=more)
    stubs_of = [stubs.Stub(channel(process.address)) for process in (first, second)]
    for n in range(5):
        for stub in stubs_of:
            update(stubs, stub, f"u{n}")
            stub.Recommend(for_user(stubs, f"u{n}"), timeout=10)
            stub.GetProfile(stubs.pb.GetProfileRequest(user_id=f"u{n}"), timeout=10)
    # Conflicts, a deletion, a damaged value, a foreign one, and an export.
    stubs_of[0].DeleteProfile(stubs.pb.DeleteProfileRequest(user_id="u1"), timeout=10)
    for process in (first, second):
        wait_until(lambda: metric(process.admin, "kindred_profile_backlog") == 0, what="an empty backlog")
    running.call("SET", "profile:foreign", "no profile")
    running.call("HSET", "profile:hash", "a", "b")
    file = tmp_path / "users.jsonl"
    file.write_text('{"user_id":"foreign","version":1}\n{"user_id":"hash","version":1}\n')
    result = kindred("profiles", "import", file, "--admin-server", second.admin_grpc)  # reads them before it writes them
    assert result.returncode == 0, result.stderr
    assert metric(second.admin, "kindred_profile_corrupt_total", reason="magic") == 2
    wait_until(lambda: metric(second.admin, "kindred_profile_repairs_total") >= 2, what="repairs")
    result = kindred("profiles", "export", "--admin-server", second.admin_grpc)
    assert result.returncode == 0, result.stderr
    assert {json.loads(line)["user_id"] for line in result.stdout.splitlines()} >= {"u0", "u2", "u3", "u4"}
    wait_until(lambda: len(running.call("HGETALL", "model:tiny:metadata")) == 4, what="what both servers say of the model")
    wait_until(lambda: len(running.call("KEYS", "profile:~alive~*")) == 2, what="what tells servers that Redis was emptied")
    running.call("FLUSHALL")
    wait_until(lambda: metric(first.admin, "kindred_profile_replays_total") > 0, what="profiles written again")
    for process in (first, second):
        process.stop()
    denied = running.call("ACL", "LOG")
    assert denied == [], denied
    for process in (first, second):
        assert "NOPERM" not in process.log()


def test_a_wrong_password_is_said_and_mended_while_the_server_runs(redis_server, redis, stubs, channel, tmp_path):
    running = redis(acl=["kindred on >secret ~* &* +@all"])
    password = tmp_path / "password"
    password.write_text("wrong\n")
    process = redis_server(running.address, more=f"    username: kindred\n    password_file: {password}\n")
    update(stubs, stubs.Stub(channel(process.address)), "ann")
    wait_until(lambda: metric(process.admin, "kindred_redis_connection_failures_total", node=running.address) > 0,
               what="a refused password")
    assert "secret" not in process.log() and "wrong\n" not in process.log()
    password.write_text("secret\n")
    applied(process, 1)


def test_a_missing_password_file_is_fatal(redis_server, tmp_path):
    process = redis_server("127.0.0.1:1", more=f"    password_file: {tmp_path / 'nowhere'}\n", wait=False)
    assert process.process.wait(timeout=30) == 1
    assert str(tmp_path / "nowhere") in json.loads(process.log().splitlines()[-1])["error"]


def test_export_wipe_import_through_redis(redis_server, redis, kindred, stubs, channel, tmp_path):
    running = redis()
    first = redis_server(running.address)
    with grpc.insecure_channel(first.address) as own:
        for n in range(300):
            update(stubs, stubs.Stub(own), f"u{n}", item=f"i{n % 6}", update_id=f"id-{n}")
    wait_until(lambda: metric(first.admin, "kindred_profile_backlog") == 0, what="an empty backlog")
    before = kindred("profiles", "export", "--admin-server", first.admin_grpc, "--out", tmp_path / "one.jsonl")
    assert before.returncode == 0, before.stderr
    first.stop()
    running.call("FLUSHALL")
    second = redis_server(running.address, number=1)
    result = kindred("profiles", "import", tmp_path / "one.jsonl", "--admin-server", second.admin_grpc)
    assert (result.returncode, result.stdout) == (0, "300 profiles changed, 0 had everything, 0 bad lines\n"), result.stderr
    wait_until(lambda: metric(second.admin, "kindred_profile_backlog") == 0, what="an empty backlog")
    assert kindred("profiles", "export", "--admin-server", second.admin_grpc, "--out", tmp_path / "two.jsonl").returncode == 0
    one, two = (sorted((tmp_path / name).read_text().splitlines()) for name in ("one.jsonl", "two.jsonl"))
    assert len(one) == 300 and one == two
    # A third server, whose journal is empty: all of it is in Redis.
    third = redis_server(running.address, number=2)
    result = kindred("profiles", "export", "--admin-server", third.admin_grpc)
    assert sorted(result.stdout.splitlines()) == one


def test_what_is_exported_before_a_deletion_brings_nothing_back(redis_server, redis, kindred, stubs, channel, tmp_path):
    running = redis()
    process = redis_server(running.address)
    stub = stubs.Stub(channel(process.address))
    update(stubs, stub, "ann")
    file = tmp_path / "ann.jsonl"
    file.write_text(kindred("profiles", "get", "ann", "--admin-server", process.admin_grpc).stdout)
    assert kindred("profiles", "delete", "ann", "--admin-server", process.admin_grpc).stdout.startswith("1 deleted")
    result = kindred("profiles", "import", file, "--admin-server", process.admin_grpc)
    assert result.stdout == "0 profiles changed, 1 had everything, 0 bad lines\n"
    assert stub.GetProfile(stubs.pb.GetProfileRequest(user_id="ann"), timeout=10).profile_version == 0
