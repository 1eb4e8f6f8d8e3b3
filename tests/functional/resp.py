"""RESP, the protocol of Redis, as far as tests speak it themselves: no client library stands between them and the bytes."""
import socket


class RedisError(Exception):
    """An error reply; str() is its text, such as "NOAUTH Authentication required."."""


def encode(*arguments):
    """A command as clients send it. Arguments are bytes, str or numbers."""
    parts = [value if isinstance(value, bytes) else str(value).encode() for value in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def read_value(readline, read):
    """Reads one value: (its bytes, what it means). `readline()` gives a line with its end, `read(n)` n bytes.

    Errors come as RedisError objects, not raised: they may stand within an array.
    """
    line = readline()
    kind, rest = line[:1], line[1:-2]
    if kind in (b"$", b"="):
        size = int(rest)
        if size < 0:
            return line, None
        body = read(size + 2)
        return line + body, body[:-2]
    if kind in (b"*", b"~", b">", b"%"):
        count = int(rest) * (2 if kind == b"%" else 1)
        if count < 0:
            return line, None
        parts = [read_value(readline, read) for _ in range(count)]
        return line + b"".join(raw for raw, _ in parts), [value for _, value in parts]
    if kind == b"+":
        return line, rest.decode()
    if kind == b"-":
        return line, RedisError(rest.decode(errors="replace"))
    if kind == b":":
        return line, int(rest)
    if kind == b"_":
        return line, None
    if kind in (b"#", b",", b"("):
        return line, rest.decode()
    raise ValueError(f"no RESP: {line[:80]!r}")


async def read_value_async(reader):
    """read_value of an asyncio.StreamReader. IncompleteReadError at the end of the stream."""
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind in (b"$", b"="):
        size = int(rest)
        if size < 0:
            return line, None
        body = await reader.readexactly(size + 2)
        return line + body, body[:-2]
    if kind in (b"*", b"~", b">", b"%"):
        count = int(rest) * (2 if kind == b"%" else 1)
        if count < 0:
            return line, None
        parts = [await read_value_async(reader) for _ in range(count)]
        return line + b"".join(raw for raw, _ in parts), [value for _, value in parts]
    lines = iter((line,))
    return read_value(lambda: next(lines), lambda _: b"")


class Connection:
    """One blocking connection. Not thread-safe."""

    def __init__(self, port, host="127.0.0.1", timeout=10, tls=None):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, *arguments):
        self.socket.sendall(encode(*arguments))

    def receive(self):
        """The next reply; error replies are raised."""
        value = read_value(self._line, self._exactly)[1]
        if isinstance(value, RedisError):
            raise value
        return value

    def call(self, *arguments):
        self.send(*arguments)
        return self.receive()

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"the connection ended within {line!r}")
        return line

    def _exactly(self, size):
        body = self.file.read(size)
        if len(body) != size:
            raise ConnectionError(f"the connection ended {size - len(body)} bytes early")
        return body
