"""The tools of the Redis tests themselves: real servers that crash, hang and come back, and the proxy that breaks replies."""
import contextlib
import socket
import time

import pytest

import fault_proxy
from fault_proxy import Blackhole, Delay, FaultProxy, Pass, Refuse, ResetMidReply, Trickle
from redis_process import Certificates, RedisCluster, RedisProcess, installed
from resp import Connection, RedisError, encode
from server_client import wait_until

assert installed(), "no redis-server: scripts/install_packages.sh test installs it"


@pytest.fixture
def redis(tmp_path):
    with RedisProcess(tmp_path / "redis") as process:
        yield process


@pytest.fixture
def proxy(redis):
    with FaultProxy(redis.port, seed=7) as running:
        yield running


def test_a_restart_is_empty_and_on_the_same_port(redis):
    redis.call("SET", "k", "v")
    run_id, port = redis.info("server")["run_id"], redis.port
    redis.restart()
    assert redis.call("GET", "k") is None
    assert redis.port == port and redis.info("server")["run_id"] != run_id


def test_a_paused_redis_takes_connections_and_does_not_answer(redis):
    redis.pause()
    with Connection(redis.port, timeout=0.2) as connection:
        connection.send("PING")
        with pytest.raises(OSError):
            connection.receive()
        redis.resume()
        connection.socket.settimeout(10)
    assert redis.call("PING") == "PONG"


def test_commands_are_counted(redis):
    for _ in range(3):
        redis.call("GET", "k")
    assert redis.commands("get") == 3 and redis.commands("hget") == 0


def test_acl_users_have_their_rights_only(tmp_path):
    with RedisProcess(tmp_path / "redis", acl=["kindred on >secret ~profile:* -@all +get +ping"]) as redis:
        with Connection(redis.port) as connection:
            with pytest.raises(RedisError, match="NOAUTH"):
                connection.call("PING")
            with pytest.raises(RedisError, match="WRONGPASS"):
                connection.call("AUTH", "kindred", "guess")
            connection.call("AUTH", "kindred", "secret")
            assert connection.call("GET", "profile:a") is None
            for command in (("SET", "profile:a", "v"), ("GET", "other")):
                with pytest.raises(RedisError, match="NOPERM"):
                    connection.call(*command)
        assert redis.call("SET", "other", "v") == "OK"


def test_tls_with_a_certificate_of_our_own(tmp_path):
    tls = Certificates(tmp_path / "tls")
    with RedisProcess(tmp_path / "redis", tls=tls, client_certificates=True) as redis:
        assert redis.call("PING") == "PONG"
        with contextlib.suppress(OSError), Connection(redis.port, timeout=5) as plain:
            plain.send("PING")
            with pytest.raises((ConnectionError, ValueError)):
                plain.receive()


def test_a_cluster_replaces_a_master_that_stops(tmp_path):
    with RedisCluster(tmp_path / "cluster") as cluster:
        assert len({cluster.master_of(f"key-{n}").port for n in range(50)}) == 3
        master = cluster.master_of("k")
        # WAIT speaks of what its own connection wrote.
        with Connection(master.port) as connection:
            connection.call("SET", "k", "v")
            assert connection.call("WAIT", 1, 10_000) == 1, "no replica took it in time"
        master.pause()
        successor = cluster.wait_replaced(master, "k")
        wait_until(lambda: successor.info("replication")["role"] == "master", what="the successor to know")
        assert successor.call("GET", "k") == b"v"


def test_pass_keeps_the_order_of_pipelined_replies(redis, proxy):
    with Connection(proxy.port) as connection:
        for n in range(200):
            connection.send("SET", f"k{n}", f"value {n}")
            connection.send("GET", f"k{n}")
        for n in range(200):
            assert connection.receive() == "OK" and connection.receive() == b"value %d" % n
    assert proxy.requests == {"SET": 200, "GET": 200} and proxy.connections == 1 and not proxy.faults
    assert redis.commands("set") == 200


def test_delay_holds_for_each_request_and_not_for_their_sum(proxy):
    proxy.mode = Delay(0.3)
    with Connection(proxy.port) as connection:
        begin = time.monotonic()
        for _ in range(20):
            connection.send("PING")
        for _ in range(20):
            assert connection.receive() == "PONG"
        took = time.monotonic() - begin
    assert 0.3 <= took < 0.3 * 20
    assert proxy.faults == {"Delay": 20}


def test_trickle_gives_a_byte_at_a_time(proxy):
    proxy.mode = Trickle(1, 0.02)
    with Connection(proxy.port) as connection:
        connection.socket.sendall(encode("PING"))
        pieces = [connection.socket.recv(100)]
        while sum(map(len, pieces)) < 7:
            pieces.append(connection.socket.recv(100))
    assert b"".join(pieces) == b"+PONG\r\n" and len(pieces) > 3


def test_reset_comes_in_the_middle_of_a_reply(redis, proxy):
    redis.call("SET", "k", "v" * 1000)
    proxy.mode = ResetMidReply()
    with Connection(proxy.port) as connection:
        connection.socket.sendall(encode("GET", "k"))
        received = b""
        with pytest.raises(ConnectionResetError):
            while chunk := connection.socket.recv(4096):
                received += chunk
    assert len(received) < 1000  # a reset may overtake the half that was sent
    proxy.mode = Pass()
    with Connection(proxy.port) as connection:
        assert connection.call("GET", "k") == b"v" * 1000


@pytest.mark.parametrize("line", ["OOM command not allowed", "LOADING Redis is loading", "READONLY You can't write",
                                  "NOAUTH Authentication required.", "MOVED 5 127.0.0.1:1", "ASK 5 127.0.0.1:1",
                                  "TRYAGAIN Multiple keys", "CLUSTERDOWN Hash slot not served"])
def test_errors_take_the_place_of_replies(redis, proxy, line):
    proxy.mode = fault_proxy.error(line, only=["GET"])
    with Connection(proxy.port) as connection:
        with pytest.raises(RedisError) as raised:
            connection.call("GET", "k")
        assert str(raised.value) == line
        assert connection.call("SET", "k", "v") == "OK"
    assert redis.commands("get") == 0 and proxy.faults == {"Replace": 1}


@pytest.mark.parametrize("name", fault_proxy.HOSTILE)
def test_hostile_replies_arrive_as_they_are(proxy, name):
    payload = fault_proxy.HOSTILE[name]
    proxy.mode = fault_proxy.Replace(payload)
    with Connection(proxy.port) as connection:
        connection.send("GET", "k")
        received = b""
        while len(received) < len(payload):
            received += connection.socket.recv(1 << 20)
    assert received == payload


def test_a_blackhole_and_a_refusal(proxy):
    with Connection(proxy.port, timeout=0.2) as connection:
        assert connection.call("PING") == "PONG"
        proxy.mode = Blackhole()
        connection.send("PING")
        with pytest.raises(socket.timeout):
            connection.receive()
        proxy.mode = Refuse()
        connection.socket.settimeout(5)
        connection.send("PING")
        with pytest.raises(ConnectionError):
            Connection(proxy.port).call("PING")
    assert proxy.faults["Refuse"] >= 1


def test_a_redis_that_is_down_looks_down_through_the_proxy(redis, proxy):
    redis.kill()
    with pytest.raises(ConnectionError):
        Connection(proxy.port).call("PING")
    redis.start()
    assert Connection(proxy.port).call("PING") == "PONG"
