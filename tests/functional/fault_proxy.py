"""A proxy in front of a Redis that understands RESP, and does to requests and replies what networks and servers do.

    with FaultProxy(redis.port) as proxy:
        proxy.mode = Delay(0.05)          # from now on, for every request that arrives

A mode holds for the requests that arrive while it is set; replies keep the order of their requests. What each connection
and command was is counted.
"""
import asyncio
import collections
import dataclasses
import random
import socket
import struct
import threading
import time

from resp import read_value_async


@dataclasses.dataclass(frozen=True)
class Pass:
    """Hands everything on."""


@dataclasses.dataclass(frozen=True)
class Delay:
    """Replies come `seconds` after their requests at the earliest."""
    seconds: float


@dataclasses.dataclass(frozen=True)
class Trickle:
    """Replies come `size` bytes at a time, `seconds` apart."""
    size: int = 1
    seconds: float = 0.1


@dataclasses.dataclass(frozen=True)
class ResetMidReply:
    """A share of the replies ends in the middle, and the connection with a reset."""
    share: float = 1.0


@dataclasses.dataclass(frozen=True)
class Replace:
    """Requests are not handed on; `reply` is what they get. `only`: those commands, upper case; the others pass."""
    reply: bytes
    only: frozenset = frozenset()


@dataclasses.dataclass(frozen=True)
class Blackhole:
    """Requests are taken and never answered."""


@dataclasses.dataclass(frozen=True)
class Refuse:
    """New connections are reset at once, and old ones at their next request."""


def error(line, only=()):
    """Every request gets this error: error("OOM command not allowed")."""
    return Replace(b"-" + line.encode() + b"\r\n", frozenset(only))


# Replies that no honest server sends. A reader that believes the first two waits, or allocates, forever.
HOSTILE = {
    "array_of_1e9": b"*1000000000\r\n",
    "string_of_2e63": b"$9223372036854775807\r\n",
    "negative_length": b"$-2\r\n",
    "array_of_minus_5": b"*-5\r\n",
    "length_overflow": b"$99999999999999999999999999\r\n",
    "resp3_map": b"%1\r\n+key\r\n+value\r\n",
    "resp3_null": b"_\r\n",
    "resp3_double": b",3.14\r\n",
    "resp3_push": b">2\r\n+message\r\n+x\r\n",
    "depth_10": b"*1\r\n" * 10 + b":1\r\n",
    "garbage": bytes(range(128, 256)) * 4,
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "empty_line": b"\r\n",
    "endless_line": b"+" + b"x" * (2 << 20),
    "two_replies": b"$5\r\nfirst\r\n$6\r\nsecond\r\n",
    "large_string": b"$10485760\r\n" + b"y" * 10485760 + b"\r\n",
}


class FaultProxy:
    """Listens on a port of its own while it is entered. `mode` may be set from any thread at any time."""

    def __init__(self, upstream_port, seed=1):
        self.upstream_port = upstream_port
        self.mode = Pass()
        self.port = None
        self.connections = 0
        self.connected_at = []  # time.monotonic() of each connection
        self.requests = collections.Counter()  # by command, upper case
        self.faults = collections.Counter()  # what was done, by the mode's name
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._writers = set()
        self._tasks = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *unused):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def reset_all(self):
        """Resets every connection that is open."""
        self._loop.call_soon_threadsafe(lambda: [_reset(writer) for writer in list(self._writers)])

    async def _listen(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=64 << 20)
        return self._server.sockets[0].getsockname()[1]

    async def _close(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        self.connected_at.append(time.monotonic())
        try:
            if isinstance(self.mode, Refuse):
                self.faults["Refuse"] += 1
                _reset(writer)
                return
            await self._relay(reader, writer)
        except asyncio.CancelledError:
            _reset(writer)
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _relay(self, reader, writer):
        try:
            from_redis, to_redis = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=64 << 20)
        except OSError:
            _reset(writer)  # as if Redis itself had refused
            return
        # (mode at the request, when it came) of each reply that is due, in order.
        due = asyncio.Queue()
        jobs = [asyncio.ensure_future(self._requests(reader, writer, to_redis, due)),
                asyncio.ensure_future(self._replies(from_redis, writer, due))]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            to_redis.close()

    async def _requests(self, reader, writer, to_redis, due):
        while True:
            raw, arguments = await read_value_async(reader)
            command = arguments[0].decode(errors="replace").upper()
            self.requests[command] += 1
            mode = self.mode
            if isinstance(mode, Replace) and mode.only and command not in mode.only:
                mode = Pass()
            if isinstance(mode, Refuse):
                self.faults["Refuse"] += 1
                _reset(writer)
                return
            if not isinstance(mode, (Replace, Blackhole)):
                to_redis.write(raw)
                await to_redis.drain()
            due.put_nowait((mode, time.monotonic()))

    async def _replies(self, from_redis, writer, due):
        while True:
            mode, since = await due.get()
            if not isinstance(mode, Pass):
                self.faults[type(mode).__name__] += 1
            if isinstance(mode, Blackhole):
                await asyncio.Event().wait()
            raw = mode.reply if isinstance(mode, Replace) else (await read_value_async(from_redis))[0]
            if isinstance(mode, Delay):
                await asyncio.sleep(max(0.0, since + mode.seconds - time.monotonic()))
            if isinstance(mode, ResetMidReply) and self._random.random() < mode.share:
                writer.write(raw[:max(1, len(raw) // 2)])
                await writer.drain()
                _reset(writer)
                return
            if isinstance(mode, Trickle):
                for begin in range(0, len(raw), mode.size):
                    writer.write(raw[begin:begin + mode.size])
                    await writer.drain()
                    await asyncio.sleep(mode.seconds)
                continue
            writer.write(raw)
            await writer.drain()


def _reset(writer):
    """Ends the connection with a RST: nothing that is on its way counts."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # it is gone already
    writer.transport.abort()
