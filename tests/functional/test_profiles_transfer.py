"""ProfileService and `kindred profiles`: what is stored goes out as lines of JSON and comes back, nothing lost or doubled."""
import concurrent.futures
import json
import random
import signal
import subprocess

import grpc
import pytest

from server_client import call_error, event, http, metric, wait_until

PROFILE_SERVICE = "kindred.v1.ProfileService"


class Operator:
    """The admin gRPC port of a server."""

    def __init__(self, stubs, channel):
        self.pb = stubs.profile_service
        self.record = stubs.profile_record
        self.stub = stubs.profile_service_grpc.ProfileServiceStub(channel)

    def export(self, *user_ids):
        found = {}
        for message in self.stub.ExportProfiles(self.pb.ExportProfilesRequest(user_ids=user_ids), timeout=60):
            assert message.ByteSize() < 4 << 20
            found.update({record.user_id: record for record in message.profiles})
        return found

    def import_(self, records, validate_only=False):
        return self.stub.ImportProfiles(
            self.pb.ImportProfilesRequest(profiles=records, validate_only=validate_only), timeout=60)

    def delete(self, *user_ids):
        return self.stub.DeleteProfiles(self.pb.DeleteProfilesRequest(user_ids=user_ids), timeout=60)


@pytest.fixture
def operator(stubs, channel):
    return lambda process: Operator(stubs, channel(process.admin_grpc))


@pytest.fixture
def profiles(kindred):
    """profiles(server, *args) → the finished `kindred profiles …`."""
    return lambda process, command, *args, **kwargs: kindred(
        "profiles", command, "--admin-server", process.admin_grpc, *args, **kwargs)


def fill(stubs, address, users, seed=7):
    """Updates of many users, some blended in, some with ids."""
    source = random.Random(seed)
    with grpc.insecure_channel(address) as own:
        stub = stubs.Stub(own)
        calls = []
        for user in range(users):
            for update in range(source.randint(1, 3)):
                events = [event(stubs, f"i{source.randint(0, 9)}", weight=source.choice([1, 0.1, 2.5]),
                                action=source.choice(["", "view", "ünïcödé"])) for _ in range(source.randint(1, 4))]
                calls.append(stub.UpdateProfile.future(stubs.pb.UpdateProfileRequest(
                    user_id=f"user {user} ö", events=events, update_id=f"id-{user}-{update}" if update else "",
                    mode=stubs.pb.UPDATE_MODE_BLEND if update == 2 else stubs.pb.UPDATE_MODE_HISTORY), timeout=60))
                if len(calls) >= 64:
                    for call in calls:
                        call.result()
                    calls.clear()
        for call in calls:
            call.result()


@pytest.mark.parametrize("stores", [("memory", "memory"), ("embedded", "embedded"), ("embedded", "memory")])
def test_export_wipe_import_gives_the_same(server, raw_store, stubs, operator, profiles, tmp_path, stores):
    def start(number):
        return server(raw_store, profiles="memory" if stores[number] == "memory"
                      else f"embedded:{tmp_path / f'profiles-{number}'}")

    first = start(0)
    fill(stubs, first.address, 400)
    out = tmp_path / "profiles.jsonl"
    result = profiles(first, "export", "--out", out)
    assert result.returncode == 0, result.stderr
    assert "400 profiles exported" in result.stderr
    assert not (tmp_path / "profiles.jsonl.partial").exists()
    lines = out.read_text().splitlines()
    assert len(lines) == 400 and len({json.loads(line)["user_id"] for line in lines}) == 400
    before = operator(first).export()
    first.stop()

    second = start(1)
    result = profiles(second, "import", out, "--dry-run")
    assert (result.returncode, result.stdout) == (0, "400 profiles would change, 0 had everything, 0 bad lines\n")
    assert operator(second).export() == {}
    result = profiles(second, "import", out)
    assert (result.returncode, result.stdout) == (0, "400 profiles changed, 0 had everything, 0 bad lines\n"), result.stderr
    assert operator(second).export() == before
    assert metric(second.admin, "kindred_profile_imports_total", result="merged") == 400
    result = profiles(second, "import", out, "--json")
    assert json.loads(result.stdout) == {"dry_run": False, "changed": 0, "unchanged": 400, "failed": 0}
    assert operator(second).export() == before
    result = profiles(second, "export")
    assert sorted(result.stdout.splitlines()) == sorted(lines)


def test_an_import_keeps_what_is_newer(server, raw_store, stubs, channel, operator):
    process = server(raw_store)
    stub, admin = stubs.Stub(channel(process.address)), operator(process)

    def update(item, update_id):
        return stub.UpdateProfile(stubs.pb.UpdateProfileRequest(
            user_id="ann", events=[event(stubs, item)], update_id=update_id), timeout=10)

    update("i1", "one")
    old = admin.export()["ann"]
    update("i2", "two")
    assert not admin.import_([old]).results[0].changed
    profile = stub.GetProfile(stubs.pb.GetProfileRequest(user_id="ann"), timeout=10)
    assert [each.event.item_id for each in profile.events] == ["i1", "i2"]
    # What it brings is recommended by at once, and its update ids are known.
    other = stubs.profile_record.ProfileRecord(user_id="ben", version=5, update_ids=["three"])
    other.events.add(item_id="i3", time_ms=1, weight=1, origin=3)
    assert admin.import_([other]).results[0].profile_version == 5
    answer = stub.Recommend(stubs.pb.RecommendRequest(subject=stubs.pb.Subject(user_id="ben")), timeout=10)
    assert answer.profile_version == 5 and "i3" not in [item.item_id for item in answer.items]
    assert stub.UpdateProfile(stubs.pb.UpdateProfileRequest(
        user_id="ben", events=[event(stubs, "i4")], update_id="three"), timeout=10).duplicate


def test_bad_lines_are_named_and_left_out(server, raw_store, operator, profiles, tmp_path):
    process = server(raw_store)
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join([
        '{"user_id":"ann","version":1,"events":[{"item_id":"i1","time_ms":5}]}',
        "",
        '{"user_id":"ben","version":1,"events":[{"item_id":"i1","time_ms":5,"weight":-1}]}',
        '{"user_id":"eve","version":"1"}',
        "not JSON",
        '{"user_id":"dan","version":1,"evnts":[]}',
        '{"user_id":"zoe","version":1}']))
    for flags, done in (["--dry-run"], "would change"), ([], "changed"):
        result = profiles(process, "import", file, *flags)
        assert result.returncode == 1
        assert result.stdout == f"2 profiles {done}, 0 had everything, 4 bad lines\n"
        said = result.stderr.splitlines()
        for line, why in ((3, "events[0].weight is -1, expected a finite number above 0"),
                          (4, 'version is "1", expected a whole number'), (5, "not JSON at byte 2"),
                          (6, "evnts is no field; expected user_id, version")):
            assert [text for text in said if text.startswith(f"{file}:{line}: ") and why in text], (line, said)
    assert sorted(operator(process).export()) == ["ann", "zoe"]


def test_get_and_delete(bin_dir, server, raw_store, operator, profiles, tmp_path):
    process = server(raw_store)
    line = '{"user_id":"ann","version":3,"updated_ms":7,"events":[{"item_id":"i1","time_ms":5,"weight":0.1}]}\n'
    result = subprocess.run([str(bin_dir / "kindred"), "profiles", "import", "-", "--admin-server", process.admin_grpc],
                            input=line, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    result = profiles(process, "get", "ann")
    assert (result.returncode, result.stdout) == (0, line)
    result = profiles(process, "get", "nobody")
    assert result.returncode == 1 and "no profile of 'nobody' is stored" in result.stderr
    users = tmp_path / "users"
    users.write_text("nobody\nann\n")
    result = profiles(process, "delete", "ben", "--user-file", users)
    assert (result.returncode, result.stdout) == (0, "1 deleted, nothing stored of 2, 0 failed\n")
    result = profiles(process, "delete", "x" * 1025, "--json")
    assert result.returncode == 1 and json.loads(result.stdout) == {"deleted": 0, "absent": 0, "failed": 1}
    assert "user_ids[0] is 1025 bytes long" in result.stderr
    assert operator(process).export() == {}


def test_a_large_file_waits_for_room(server, raw_store, operator, profiles, tmp_path):
    """A queue far smaller than a batch: everything is in after all."""
    config = tmp_path / "small.yaml"
    config.write_text("profiles: {max_queued_updates: 16, max_commit_updates: 4}\n")
    process = server(raw_store, "--config", config)
    file = tmp_path / "many.jsonl"
    file.write_text("".join(
        json.dumps({"user_id": f"u{n}", "version": 1, "events": [{"item_id": "i1", "time_ms": n}]}) + "\n"
        for n in range(2000)))
    result = profiles(process, "import", file)
    assert (result.returncode, result.stdout) == (0, "2,000 profiles changed, 0 had everything, 0 bad lines\n")
    assert len(operator(process).export()) == 2000


def test_clear_errors(kindred, server, raw_store, profiles, tmp_path):
    result = kindred("profiles", "export", "--admin-server", "127.0.0.1:1", "--timeout", "1")
    assert result.returncode == 1 and "is kindred-server running there?" in result.stderr and "--admin-server" in result.stderr
    process = server(raw_store)
    result = profiles(process, "export", "--out", tmp_path / "no" / "such" / "file")
    assert result.returncode == 1 and "cannot be written: No such file or directory" in result.stderr
    result = profiles(process, "import", tmp_path / "missing.jsonl")
    assert result.returncode == 2 and "no such file" in result.stderr
    assert profiles(process, "get").returncode == 2
    assert profiles(process, "delete").returncode == 2


def test_an_export_that_fails_leaves_no_file(bin_dir, raw_store, server, profiles, tmp_path):
    process = server(raw_store)
    out = tmp_path / "profiles.jsonl"
    out.write_text("the one before\n")
    process.stop()
    assert profiles(process, "export", "--out", out, "--timeout", "1").returncode == 1
    assert out.read_text() == "the one before\n" and not (tmp_path / "profiles.jsonl.partial").exists()


def test_calls_are_answered_while_an_export_waits_for_its_reader(server, raw_store, stubs, operator):
    """A reader who takes one message and no more: others are served, and the export ends when the reader goes."""
    process = server(raw_store)
    admin = operator(process)
    big = "x" * 1000
    for first in range(0, 2000, 100):
        records = []
        for n in range(first, first + 100):
            record = stubs.profile_record.ProfileRecord(user_id=f"u{n}", version=1)
            for position in range(40):
                record.events.add(item_id=f"{big}{position}", time_ms=position, weight=1)
            records.append(record)
        assert all(result.changed for result in admin.import_(records).results)
    stream = admin.stub.ExportProfiles(admin.pb.ExportProfilesRequest())
    assert next(stream).profiles
    for _ in range(20):
        assert admin.export("u7")["u7"].version == 1
    assert http(process.admin, "/readyz")[0] == 200
    stream.cancel()
    wait_until(lambda: metric(process.admin, "kindred_calls_in_flight", grpc_method="ExportProfiles") == 0,
               what="the end of the export")


def test_what_was_imported_survives_kill_9(server, raw_store, stubs, operator, tmp_path):
    def start():
        return server(raw_store, profiles=f"embedded:{tmp_path / 'profiles'}")

    process = start()
    record = stubs.profile_record.ProfileRecord(user_id="ann", version=2)
    record.events.add(item_id="i1", time_ms=1, weight=1)
    assert operator(process).import_([record]).results[0].changed
    process.process.send_signal(signal.SIGKILL)
    process.process.wait(timeout=30)
    assert operator(start()).export()["ann"] == record


def test_updates_during_an_export_and_an_import_are_kept(server, raw_store, stubs, operator):
    process = server(raw_store)
    fill(stubs, process.address, 200)
    admin = operator(process)
    exported = list(admin.export().values())

    def update(worker):
        with grpc.insecure_channel(process.address) as own:
            stub = stubs.Stub(own)
            for n in range(100):
                stub.UpdateProfile(stubs.pb.UpdateProfileRequest(
                    user_id=f"user {n} ö", events=[event(stubs, f"w{worker}")], update_id=f"w{worker}"), timeout=30)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        updating = [pool.submit(update, worker) for worker in range(2)]
        while not all(each.done() for each in updating):
            for first in range(0, 200, 50):
                results = admin.import_(exported[first:first + 50]).results
                assert not [result for result in results if result.status.code]
            assert len(admin.export()) == 200
        for each in updating:
            each.result()
    after = admin.export()
    for record in exported:
        number = int(record.user_id.split()[1])
        items = [each.item_id for each in after[record.user_id].events]
        assert sorted(items) == sorted([each.item_id for each in record.events] + (["w0", "w1"] if number < 100 else []))


@pytest.mark.parametrize("call, field, said", [
    (lambda admin: admin.import_([]), "profiles", "has 0 entries, expected 1 to 1000"),
    (lambda admin: admin.delete(), "user_ids", "has 0 entries, expected 1 to 1000"),
    (lambda admin: admin.export(*["u"] * 1001), "user_ids", "has 1001 entries, expected 0 to 1000"),
    (lambda admin: admin.export(""), "user_ids[0]", "is empty"),
])
def test_a_wrong_call_names_its_field(server, raw_store, operator, stubs, call, field, said):
    error = call_error(stubs, lambda: call(operator(server(raw_store))))
    assert (error.code(), error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert said in error.fields[field]
