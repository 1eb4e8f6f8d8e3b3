"""Real redis-server processes of the tests: on ports of their own, in folders of their own, stopped by their pid."""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading

from resp import Connection, RedisError
from server_client import wait_until

START_SECONDS = 20
# Below the ports that the system gives to those who bind 0, so that nobody takes a port while its Redis is down; the bus
# of a cluster node is 10,000 above and below them too.
PORTS = range(12_000, 22_000)
BUS = 10_000
_random = random.Random(os.urandom(8))
_taken = set()
_lock = threading.Lock()


def free_port():
    """A port that nobody listens on, nor on its bus port, and that this process has not given away before."""
    for _ in range(1000):
        port = _random.choice(PORTS)
        with _lock:
            if port in _taken:
                continue
            with contextlib.ExitStack() as probes:
                try:
                    for number in (port, port + BUS):
                        probe = probes.enter_context(socket.socket())
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind(("127.0.0.1", number))
                except OSError:
                    continue
            _taken.add(port)
            return port
    raise AssertionError(f"no free port in {PORTS}")


class RedisProcess:
    """A redis-server without persistence, so that it is empty after every restart.

    config: lines of redis.conf, name → value or list of values. acl: lines as the directive `user` takes them, such as
    "kindred on >secret ~profile:* -@all +get"; the default user is then off, and the tests' own is `admin`. tls: Certificates;
    the port speaks TLS alone. `port` stays the same over restarts.
    """

    flags = ()  # of the command line, behind the file

    def __init__(self, folder, config=None, acl=(), tls=None, client_certificates=False, port=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls, self.acl = tls, list(acl)
        self.client_certificates = client_certificates
        self.config = dict(config or {})
        self.port = port or free_port()
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        path = self.folder / "redis.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _write_config(self):
        lines = {"bind": "127.0.0.1", "port": 0 if self.tls else self.port, "dir": self.folder, "save": '""', "appendonly": "no",
                 "daemonize": "no", "logfile": self.folder / "redis.log", "enable-debug-command": "yes"}
        if self.tls:
            lines |= {"tls-port": self.port, "tls-cert-file": self.tls.server_cert, "tls-key-file": self.tls.server_key,
                      "tls-ca-cert-file": self.tls.ca, "tls-auth-clients": "yes" if self.client_certificates else "no"}
        if self.acl:
            lines["user"] = ["default off", "admin on >admin ~* &* +@all", *self.acl]
        lines |= self.config
        text = "".join(f"{name} {value}\n" for name, values in lines.items()
                       for value in (values if isinstance(values, list) else [values]))
        (self.folder / "redis.conf").write_text(text)

    def start(self):
        assert not self.running(), "it runs already"
        self._write_config()
        self.process = subprocess.Popen(["redis-server", str(self.folder / "redis.conf"), *self.flags],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        cwd=self.folder)

        def answers():
            assert self.process.poll() is None, f"redis-server exited {self.process.returncode}:\n{self.log()[-2000:]}"
            with contextlib.suppress(OSError, RedisError):
                return self.call("PING") == "PONG"
            return False

        wait_until(answers, START_SECONDS, f"redis-server on port {self.port}")
        return self

    def connect(self, timeout=10):
        """A connection of the tests' own, with all rights."""
        connection = Connection(self.port, timeout=timeout, tls=self.tls.context() if self.tls else None)
        if self.acl:
            connection.call("AUTH", "admin", "admin")
        return connection

    def call(self, *arguments, timeout=10):
        with self.connect(timeout) as connection:
            return connection.call(*arguments)

    def info(self, section):
        text = self.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def commands(self, name):
        """How often the command was called since the start (or CONFIG RESETSTAT)."""
        stats = self.info("commandstats").get(f"cmdstat_{name.lower()}", "calls=0")
        return int(stats.split("calls=")[1].split(",")[0])

    def pause(self):
        """SIGSTOP: it still takes connections and never answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL, as a crash would. Nothing if it is gone."""
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait(timeout=30)

    def restart(self):
        """Kills it and starts it again on the same port, empty."""
        self.kill()
        return self.start()

    def stop(self):
        """SIGTERM, also when it is paused; waits."""
        if self.running():
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self):
        return self if self.running() else self.start()

    def __exit__(self, *unused):
        self.stop()


class Certificates:
    """An authority made for the occasion, a server's certificate for localhost and 127.0.0.1, and a client's."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, ca_key = self.folder / "ca.crt", self.folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca_key, "-out", self.ca, "-days", "2",
                      "-subj", "/CN=kindred tests", "-addext", "basicConstraints=critical,CA:TRUE")
        self.server_cert, self.server_key = self._signed("server", ca_key, "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.client_cert, self.client_key = self._signed("client", ca_key, "extendedKeyUsage=clientAuth")

    def _openssl(self, *arguments):
        result = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    def _signed(self, name, ca_key, extension):
        key, request, cert, extensions = (self.folder / f"{name}.{ending}" for ending in ("key", "csr", "crt", "ext"))
        extensions.write_text(extension + "\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert,
                      "-days", "2", "-extfile", extensions)
        return cert, key

    def context(self):
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.client_cert, self.client_key)
        return context


class _Sentinel(RedisProcess):
    flags = ("--sentinel",)


class RedisSentinels:
    """A master with a replica and three Sentinels on loopback; a master that stops is replaced within some seconds."""

    MASTER = "mymaster"
    QUORUM = 2

    def __init__(self, folder, sentinels=3):
        self.master = RedisProcess(pathlib.Path(folder) / "master", {"repl-diskless-sync-delay": 0})
        self.replica = RedisProcess(pathlib.Path(folder) / "replica", {"replicaof": f"127.0.0.1 {self.master.port}"})
        watched = {"sentinel": [f"monitor {self.MASTER} 127.0.0.1 {self.master.port} {self.QUORUM}",
                                f"down-after-milliseconds {self.MASTER} 500", f"failover-timeout {self.MASTER} 2000"]}
        self.sentinels = [_Sentinel(pathlib.Path(folder) / f"sentinel-{n}", watched) for n in range(sentinels)]

    @property
    def addresses(self):
        """Of the Sentinels."""
        return [sentinel.address for sentinel in self.sentinels]

    def named(self):
        """The port of the master that the Sentinels name, when they agree."""
        answers = {int(sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.MASTER)[1]) for sentinel in self.sentinels}
        return answers.pop() if len(answers) == 1 else None

    def healthy(self):
        """The replica has what the master has, and the Sentinels know it and one another."""
        if self.replica.info("replication")["master_link_status"] != "up":
            return False
        for sentinel in self.sentinels:
            fields = sentinel.call("SENTINEL", "MASTER", self.MASTER)
            state = {name.decode(): value.decode() for name, value in zip(fields[::2], fields[1::2])}
            if int(state["num-slaves"]) < 1 or int(state["num-other-sentinels"]) < len(self.sentinels) - 1:
                return False
        return True

    def wait_replaced(self, seconds=30):
        """Waits until all Sentinels name the replica as the master, and it says that it is one."""
        wait_until(lambda: self.named() == self.replica.port and self.replica.info("replication")["role"] == "master",
                   seconds, f"a successor of the master on port {self.master.port}")

    def __enter__(self):
        for process in (self.master, self.replica, *self.sentinels):
            process.start()
        wait_until(self.healthy, 60, "the Sentinels with their master and its replica")
        return self

    def __exit__(self, *unused):
        for process in (*self.sentinels, self.replica, self.master):
            process.stop()


class RedisCluster:
    """Six nodes on loopback, three masters with a replica each; a master that stops is replaced within some seconds."""

    def __init__(self, folder, masters=3, replicas=1):
        config = {"cluster-enabled": "yes", "cluster-node-timeout": 1000, "repl-diskless-sync-delay": 0,
                  "cluster-config-file": "nodes.conf"}
        self.replicas = replicas
        self.nodes = [RedisProcess(pathlib.Path(folder) / f"node-{n}", config) for n in range(masters * (1 + replicas))]

    @property
    def addresses(self):
        return [node.address for node in self.nodes]

    def start(self):
        for node in self.nodes:
            node.start()
        result = subprocess.run(["redis-cli", "--cluster", "create", *self.addresses, "--cluster-replicas",
                                 str(self.replicas), "--cluster-yes"], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
        wait_until(self.healthy, 60, "the cluster with all its replicas")
        return self

    def healthy(self):
        """Every running node sees all slots served, and every replica has its master's data."""
        for node in self.nodes:
            if not node.running():
                continue
            if node.info("cluster").get("cluster_enabled") != "1" or "cluster_state:ok" not in node.call(
                    "CLUSTER", "INFO").decode():
                return False
            replication = node.info("replication")
            if replication["role"] == "slave" and replication["master_link_status"] != "up":
                return False
        # Without its replica a master has no successor yet.
        masters = [node for node in self.nodes if node.running() and node.info("replication")["role"] == "master"]
        return all(int(node.info("replication")["connected_slaves"]) >= 1 for node in masters) if self.replicas else True

    def _port_of(self, key, asked):
        slot = asked.call("CLUSTER", "KEYSLOT", key)
        for first, last, master, *_ in asked.call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return master[1]
        return None

    def master_of(self, key, asked=None):
        """The node that serves the key, as `asked` (default: any that runs) sees it."""
        port = self._port_of(key, asked or next(node for node in self.nodes if node.running()))
        return next((node for node in self.nodes if node.port == port), None)

    def wait_replaced(self, stopped, key, seconds=30):
        """Waits until another node than `stopped` serves `key`, and returns it."""
        asked = next(node for node in self.nodes if node is not stopped and node.running())

        def successor():
            node = self.master_of(key, asked)
            return node if node is not None and node is not stopped else None

        return wait_until(successor, seconds, f"a successor of the master on port {stopped.port}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        for node in self.nodes:
            node.stop()


def installed():
    return shutil.which("redis-server") is not None and shutil.which("redis-cli") is not None
