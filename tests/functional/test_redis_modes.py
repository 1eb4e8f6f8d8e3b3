"""Profiles in Redis as it is run in earnest: with TLS, and behind Sentinels that replace the master."""
import threading

import pytest

from redis_process import Certificates, RedisSentinels
from server_client import event, http, metric, wait_until


def update(stubs, stub, user, item="i1", **fields):
    return stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=user, events=[event(stubs, item)], **fields), timeout=10)


def profile(stubs, stub, user):
    return stub.GetProfile(stubs.pb.GetProfileRequest(user_id=user), timeout=10)


def backlog_empty(process):
    wait_until(lambda: metric(process.admin, "kindred_profile_backlog") == 0, what="an empty backlog")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


def tls(certificates, **fields):
    """profiles.redis.tls; `fields` in place of what is right."""
    fields = {"ca_file": certificates.ca, "cert_file": certificates.client_cert, "key_file": certificates.client_key} | fields
    return "    tls: {enabled: true, " + ", ".join(f"{name}: {value}" for name, value in fields.items() if value) + "}\n"


def test_profiles_go_through_tls_with_certificates_of_both_sides(redis_server, redis, stubs, channel, certificates):
    running = redis(tls=certificates, client_certificates=True)
    first = redis_server(running.address, more=tls(certificates))
    second = redis_server(running.address, number=1, more=tls(certificates))
    writer, reader = (stubs.Stub(channel(process.address)) for process in (first, second))
    for n in range(20):
        assert update(stubs, writer, f"u{n}", item=f"i{n % 6}").durability == stubs.pb.DURABILITY_JOURNAL
    backlog_empty(first)
    assert sum(running.call("EXISTS", f"profile:u{n}") for n in range(20)) == 20
    # The other server's journal has none of them.
    for n in range(20):
        assert [each.event.item_id for each in profile(stubs, reader, f"u{n}").events] == [f"i{n % 6}"]
    assert metric(second.admin, "kindred_profile_sources_total", source="redis") >= 20
    for process in (first, second):
        assert metric(process.admin, "kindred_redis_ops_total", node=running.address, result="ok") >= 20
        assert metric(process.admin, "kindred_redis_connections", node=running.address) == 2
        assert metric(process.admin, "kindred_redis_connection_failures_total") == 0


@pytest.mark.parametrize("wrong", ["another authority", "no certificate", "another name"])
def test_what_tls_refuses_is_said_and_keeps_the_server_from_nothing(redis_server, redis, stubs, channel, certificates,
                                                                     tmp_path, wrong):
    running = redis(tls=certificates, client_certificates=True)
    more = {"another authority": tls(certificates, ca_file=Certificates(tmp_path / "others").ca),
            "no certificate": tls(certificates, cert_file=None, key_file=None),
            "another name": tls(certificates, server_name="redis.example.com")}[wrong]
    process = redis_server(running.address, more=more)
    assert http(process.admin, "/readyz")[0] == 200
    stub = stubs.Stub(channel(process.address))
    assert update(stubs, stub, "ann").durability == stubs.pb.DURABILITY_JOURNAL
    assert profile(stubs, stub, "ann").profile_version == 1
    wait_until(lambda: metric(process.admin, "kindred_redis_connection_failures_total", node=running.address) > 0,
               what="a refused connection")
    assert metric(process.admin, "kindred_redis_ops_total", result="ok") == 0
    assert running.call("EXISTS", "profile:ann") == 0
    wait_until(lambda: "its breaker is open" in process.log(), what="a word about it")
    if wrong != "no certificate":  # where it is Redis that refuses, it says so by closing
        assert "TLS: " in process.log()


class Updates(threading.Thread):
    """Updates users in turn, each user's next item after the last was acknowledged, until it is stopped."""

    USERS = 10

    def __init__(self, stubs, stub):
        super().__init__(daemon=True)
        self.stubs, self.stub = stubs, stub
        self.acknowledged = {f"u{n}": 0 for n in range(self.USERS)}
        self.errors = []
        self.wrong_reads = []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.005):
            user = min(self.acknowledged, key=self.acknowledged.get)
            try:
                update(self.stubs, self.stub, user, item=f"i{self.acknowledged[user] % 6}")
                self.acknowledged[user] += 1
                read = profile(self.stubs, self.stub, user)
                if len(read.events) != self.acknowledged[user]:
                    self.wrong_reads.append((user, len(read.events), self.acknowledged[user]))
            except Exception as error:  # noqa: BLE001: the test says what it was
                self.errors.append(error)

    def total(self):
        return sum(self.acknowledged.values())

    def wait_more(self, count):
        target = self.total() + count
        wait_until(lambda: self.total() >= target or self.errors, 60, f"{count} more updates")


def test_a_master_that_is_lost_is_replaced_and_nothing_acknowledged_with_it(redis_server, stubs, channel, tmp_path):
    mode = f"    mode: sentinel\n    sentinel_master: {RedisSentinels.MASTER}\n"
    with RedisSentinels(tmp_path / "sentinels") as redis:
        process = redis_server(redis.addresses, more=mode)
        updates = Updates(stubs, stubs.Stub(channel(process.address)))
        updates.start()
        updates.wait_more(100)
        wait_until(lambda: metric(process.admin, "kindred_redis_ops_total", node=redis.master.address, result="ok") > 0,
                   what="commands to the master")
        redis.master.kill()
        updates.wait_more(100)
        redis.wait_replaced()
        wait_until(lambda: metric(process.admin, "kindred_redis_connections", node=redis.replica.address) == 2,
                   what="connections to the new master")
        updates.wait_more(100)
        updates.stopping.set()
        updates.join(30)
        assert updates.errors == [] and updates.wrong_reads == []
        backlog_empty(process)
        assert metric(process.admin, "kindred_redis_ops_total", node=redis.replica.address, result="ok") > 0
        # A server that knows nothing finds in the new master all that was acknowledged.
        second = redis_server(redis.addresses, number=1, more=mode)
        reader = stubs.Stub(channel(second.address))

        def missing():
            return {user: (len(profile(stubs, reader, user).events), count)
                    for user, count in updates.acknowledged.items() if len(profile(stubs, reader, user).events) != count}

        wait_until(lambda: not missing(), what="all updates at another server")
        assert max(updates.acknowledged.values()) <= 256, "none was dropped for its age"
        assert metric(second.admin, "kindred_profile_sources_total", source="redis") > 0
