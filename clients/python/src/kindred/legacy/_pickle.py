"""Reads pickle and joblib files as data.

An interpreter of the pickle opcodes of its own, not a subclass of pickle.Unpickler: an opcode that would import, call or
construct becomes an inert label (_inert.py) or is refused, so there is no code for a file to reach. What it builds are
built-in containers of scalars, NumPy arrays, and `State` for objects of a few known classes. Every step is bounded by
`Limits`, and by the size of the file.
"""
from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, Callable

import numpy as np

from kindred._ids import shown
from kindred.legacy._errors import LegacyError, Limits
from kindred.legacy._inert import (ALLOWED, ALLOWED_IN_WORDS, Array, DType, Name, State, as_text, make_array, parse_dtype)
from kindred.legacy._stream import Stream

_MARK = object()
_SCALARS = (str, bytes, int, float, bool, type(None))


def load(path: str | os.PathLike[str], limits: Limits = Limits()) -> Any:
    """The data in a pickle or joblib file (also compressed); LegacyError, naming it, for anything but plain data."""
    path = Path(path)
    if not path.is_file():
        raise LegacyError(f"{path}: not found")
    stream = Stream(path, limits)
    try:
        return _Machine(stream, limits, [0, 0], 0).run()
    finally:
        stream.close()


class _Machine:
    """One pickle. `spent`: operations and containers so far, shared with the pickles inside of it."""

    def __init__(self, stream: Stream, limits: Limits, spent: list[int], depth: int) -> None:
        self.stream = stream
        self.limits = limits
        self.spent = spent
        self.depth = depth
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def fail(self, found: str, allowed: str = ALLOWED_IN_WORDS) -> LegacyError:
        return LegacyError(f"{self.stream.path}, byte {self.stream.place}: found {found}; it was not executed. "
                           f"Allowed: {allowed}")

    def broken(self, what: str) -> LegacyError:
        return LegacyError(f"{self.stream.path}, byte {self.stream.place}: {what}; the file is damaged or not a pickle")

    def run(self) -> Any:
        stream, handlers = self.stream, _HANDLERS
        left = self.limits.max_operations - self.spent[0]
        while True:
            opcode = stream.read(1, "a pickle opcode")
            if opcode == b".":
                self.spent[0] = self.limits.max_operations - left
                return self.value(self.pop())
            left -= 1
            if left < 0:
                raise LegacyError(f"{stream.path}: takes more than {self.limits.max_operations:,} operations "
                                  "(Limits.max_operations)")
            handler = handlers.get(opcode)
            if handler is None:
                if opcode in _REFUSED:
                    raise self.fail(_REFUSED[opcode])
                raise self.broken(f"found {opcode!r}, which is no pickle opcode")
            handler(self)

    # Stack.
    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise self.broken("an opcode takes a value that is not there")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise self.broken("an opcode takes a value that is not there")
        return self.stack[-1]

    def pop_to_mark(self) -> list[Any]:
        stack = self.stack
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is _MARK:
                values = stack[at + 1:]
                del stack[at:]
                return values
        raise self.broken("an opcode takes values up to a mark that is not there")

    def container(self, value: Any) -> Any:
        self.spent[1] += 1
        if self.spent[1] > self.limits.max_containers:
            raise LegacyError(f"{self.stream.path}: has more than {self.limits.max_containers:,} lists, tuples and dicts "
                              "(Limits.max_containers)")
        return value

    def value(self, value: Any) -> Any:
        """What a finished array stands for."""
        return value.value if isinstance(value, Array) else value

    def number(self, size: int, form: str) -> Any:
        return struct.unpack(form, self.stream.read(size, "a number"))[0]

    def text(self, size: int) -> str:
        try:
            return self.stream.read(size, "a string").decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise self.broken(f"a string is not UTF-8 ({error.reason})") from None

    def remember(self, key: int) -> None:
        self.memo[key] = self.top()

    def recall(self, key: int) -> None:
        if key not in self.memo:
            raise self.broken(f"takes the memo {key}, which was never put")
        self.stack.append(self.memo[key])

    def extend(self, target: Any, values: list[Any]) -> None:
        if not isinstance(target, (list, set)):
            raise self.fail(f"values appended to {shown(target)}")
        if isinstance(target, set):
            for each in values:
                target.add(self.key(each))
        else:
            target.extend(self.value(each) for each in values)

    def key(self, key: Any) -> Any:
        # Scalars only: to hash nested tuples can take time exponential in the size of the file.
        if not isinstance(key, _SCALARS):
            raise self.fail(f"{shown(key)} as a key", "keys of dicts and members of sets: str, bytes, int, float, bool, None")
        return key

    def put_items(self, target: Any, values: list[Any]) -> None:
        if not isinstance(target, dict):
            raise self.fail(f"keys put into {shown(target)}")
        if len(values) % 2:
            raise self.broken("a key has no value")
        for at in range(0, len(values), 2):
            target[self.key(values[at])] = self.value(values[at + 1])

    # What would import, call or construct.
    def name(self, module: Any, name: Any) -> None:
        module, name = as_text(module), as_text(name)
        use = ALLOWED.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if use is None:
            raise self.fail(f"the name {shown(f'{module}.{name}' if isinstance(module, str) else module)}")
        self.stack.append(Name(module, name, use))

    def call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise self.fail(f"a call of {shown(function)}")
        use, given = function.use, tuple(self.value(each) for each in arguments)
        if use in ("dict", "defaultdict"):
            if use == "dict" and len(given) == 1 and isinstance(given[0], list):  # Python 2: OrderedDict([[k, v], …])
                made: dict[Any, Any] = {}
                for pair in given[0]:
                    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                        raise self.fail(f"a call of {function} with other than pairs")
                    made[self.key(pair[0])] = pair[1]
                return self.container(made)
            if use == "dict" and given or len(given) > 1 or (given and not (given[0] is None or isinstance(given[0], Name))):
                raise self.fail(f"a call of {function} with arguments")
            return self.container({})
        if use == "set" and len(given) <= 1 and all(isinstance(each, (list, tuple, set)) for each in given):
            return self.container({self.key(each) for row in given for each in row})
        if use == "bytes" and given == ():  # empty ones, up to protocol 2
            return b""
        if use == "encode" and len(given) in (1, 2) and isinstance(given[0], str) and given[1:] in ((), ("latin1",), ("latin-1",)):
            try:
                return given[0].encode("latin-1")
            except UnicodeEncodeError:
                raise self.broken("bytes have a character above 255") from None
        if use == "reconstructor" and len(given) == 3 and given[2] is None and isinstance(given[0], Name) and given[0].use == "state":
            return self.container(State(str(given[0])))
        if use == "array" and given and isinstance(given[0], Name) and given[0].use == "ndarray":
            return self.container(Array())
        if use == "dtype" and given:
            if (made_type := parse_dtype(given[0])) is None:
                raise self.fail(f"the NumPy type {shown(given[0])}", "bool, integers, floats, text of fixed size, objects")
            return made_type
        if use == "scalar" and len(given) == 2 and isinstance(given[0], DType) and given[0].numpy() is not None:
            scalar = self.array((), given[0], False, given[1]).item()
            return scalar
        if use == "frombuffer" and len(given) == 4 and isinstance(given[1], DType):
            made_array = self.container(Array())
            made_array.value = self.array(given[2], given[1], given[3] == "F", given[0])
            return made_array
        raise self.fail(f"a call of {function} with arguments that it is not called with")

    def array(self, shape: Any, dtype: DType, fortran: bool, raw: Any) -> Any:
        try:
            return make_array(shape, dtype, fortran, raw)
        except ValueError as error:
            raise self.broken(f"found {error}") from None

    def construct(self, cls: Any, arguments: Any) -> Any:
        if isinstance(cls, Name) and cls.use in ("state", "joblib") and arguments == ():
            return self.container(State(str(cls)))
        if isinstance(cls, Name) and cls.use in ("dict", "defaultdict", "set"):
            return self.call(cls, arguments)
        raise self.fail(f"an object of {cls if isinstance(cls, Name) else shown(cls)}")

    def build(self, target: Any, state: Any) -> None:
        if isinstance(target, DType):
            if isinstance(state, tuple) and len(state) >= 5 and as_text(state[1]) in ("<", ">", "|", "=") and (
                    state[2] is None and state[3] is None and state[4] is None):  # no fields: a structure is no plain data
                target.order = as_text(state[1])
                return
            raise self.fail("a NumPy type with fields", "bool, integers, floats, text of fixed size, objects")
        if isinstance(target, Array):
            if target.value is None and isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], DType):
                target.value = self.array(state[1], state[2], bool(state[3]), self.value(state[4]))
                return
            raise self.broken("an array has a state that arrays do not have")
        if isinstance(target, State) and not target.attributes and isinstance(state, dict):
            target.attributes = {as_text(key): value for key, value in state.items()}
            if target.type.endswith(".NumpyArrayWrapper"):
                self.stack[-1] = self.joblib_array(target.attributes)
            return
        raise self.fail(f"a state given to {shown(target)}")

    def joblib_array(self, state: dict[str, Any]) -> Array:
        """The array that follows a joblib wrapper in the file, outside of the opcodes."""
        dtype, shape = state.get("dtype"), state.get("shape")
        if not isinstance(dtype, DType) or not isinstance(shape, tuple):
            raise self.broken("a joblib array has no type or shape")
        made = self.container(Array())
        kind = dtype.numpy()
        if kind is None:
            if self.depth >= self.limits.max_nesting:
                raise LegacyError(f"{self.stream.path}: has pickles nested more than {self.limits.max_nesting} deep")
            made.value = _Machine(self.stream, self.limits, self.spent, self.depth + 1).run()
            return made
        if state.get("numpy_array_alignment_bytes") is not None:
            self.stream.read(self.stream.read(1, "the padding of an array")[0], "the padding of an array")
        count = 1
        for extent in shape:
            if type(extent) is not int or not 0 <= extent < 1 << 40:
                raise self.broken(f"a joblib array has the extent {shown(extent)}")
            count *= extent
        raw = self.stream.read(count * kind.itemsize, f"an array of shape {shape} and type {kind}")
        made.value = self.array(shape, dtype, state.get("order") == "F", raw)
        return made


def _integer(machine: _Machine, raw: bytes, size: int) -> None:
    # Longer ones can be made to hash alike, and then a dict of them takes quadratic time.
    if size > 9:
        raise machine.fail(f"an integer of {size:,} bytes", "integers of at most 9 bytes")
    machine.stack.append(int.from_bytes(raw, "little", signed=True))


def _decimal(machine: _Machine) -> None:
    line = machine.stream.line("an integer", 22).rstrip(b"L")
    if line in (b"00", b"01"):
        machine.stack.append(line == b"01")
        return
    try:
        machine.stack.append(int(line))
    except ValueError:
        raise machine.broken(f"found {shown(line)}, expected an integer") from None


def _float_line(machine: _Machine) -> None:
    line = machine.stream.line("a number", 64)
    try:
        machine.stack.append(float(line))
    except ValueError:
        raise machine.broken(f"found {shown(line)}, expected a number") from None


def _quoted(machine: _Machine) -> None:
    line = machine.stream.line("a string")
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise machine.broken("a string has no quotes")
    machine.stack.append(line[1:-1].decode("unicode_escape").encode("latin-1", "replace"))


def _unicode_line(machine: _Machine) -> None:
    try:
        machine.stack.append(machine.stream.line("a string").decode("raw-unicode-escape"))
    except UnicodeDecodeError:
        raise machine.broken("a string is not escaped as strings are") from None


def _memo_line(machine: _Machine) -> int:
    line = machine.stream.line("a memo number", 20)
    if not line.isdigit():
        raise machine.broken(f"found the memo number {shown(line)}")
    return int(line)


def _size(machine: _Machine, width: int) -> int:
    return int.from_bytes(machine.stream.read(width, "a length"), "little")


def _push(make: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    def handler(machine: _Machine) -> None:
        machine.stack.append(make(machine))
    return handler


def _tuple(machine: _Machine, count: int) -> Any:
    values = [machine.value(machine.pop()) for _ in range(count)]
    return machine.container(tuple(reversed(values)))


def _values(machine: _Machine) -> list[Any]:
    return [machine.value(each) for each in machine.pop_to_mark()]


def _dict_of(machine: _Machine) -> None:
    values = machine.pop_to_mark()
    made = machine.container({})
    machine.put_items(made, values)
    machine.stack.append(made)


def _frozen_set(machine: _Machine) -> None:
    values = machine.pop_to_mark()
    machine.stack.append(machine.container({machine.key(each) for each in values}))


def _reduce(machine: _Machine) -> None:
    arguments = machine.pop()
    machine.stack.append(machine.call(machine.pop(), arguments))


def _new_object(machine: _Machine) -> None:
    arguments = machine.pop()
    machine.stack.append(machine.construct(machine.pop(), arguments))


def _build(machine: _Machine) -> None:
    state = machine.pop()
    machine.build(machine.top(), state)


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.extend(machine.top(), [value])


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.put_items(machine.top(), [key, value])


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(module, name)


def _many(method: str) -> Callable[[_Machine], None]:
    def handler(machine: _Machine) -> None:
        values = machine.pop_to_mark()
        getattr(machine, method)(machine.top(), values)
    return handler


def _global(machine: _Machine) -> None:
    module = machine.stream.line("a module", 256)
    machine.name(module, machine.stream.line("a name", 256))


def _protocol(machine: _Machine) -> None:
    version = machine.stream.read(1, "the protocol")[0]
    if version > 5:
        raise machine.broken(f"is of pickle protocol {version}, expected 0 to 5")


def _pop(machine: _Machine) -> None:
    if not machine.stack:
        raise machine.broken("an opcode takes a value that is not there")
    machine.stack.pop()


_HANDLERS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": lambda m: void(m.stream.read(8, "a frame")),
    b"(": lambda m: m.stack.append(_MARK),
    b"0": _pop,
    b"1": lambda m: void(m.pop_to_mark()),
    b"2": _push(lambda m: m.top()),
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    b"I": _decimal,
    b"L": _decimal,
    b"J": _push(lambda m: m.number(4, "<i")),
    b"K": _push(lambda m: m.stream.read(1, "a number")[0]),
    b"M": _push(lambda m: m.number(2, "<H")),
    b"\x8a": lambda m: _long(m, 1),
    b"\x8b": lambda m: _long(m, 4),
    b"F": _float_line,
    b"G": _push(lambda m: m.number(8, ">d")),
    b"S": _quoted,
    b"T": _push(lambda m: m.stream.read(_size(m, 4), "bytes")),
    b"U": _push(lambda m: m.stream.read(_size(m, 1), "bytes")),
    b"V": _unicode_line,
    b"X": _push(lambda m: m.text(_size(m, 4))),
    b"\x8c": _push(lambda m: m.text(_size(m, 1))),
    b"\x8d": _push(lambda m: m.text(_size(m, 8))),
    b"B": _push(lambda m: m.stream.read(_size(m, 4), "bytes")),
    b"C": _push(lambda m: m.stream.read(_size(m, 1), "bytes")),
    b"\x8e": _push(lambda m: m.stream.read(_size(m, 8), "bytes")),
    b"\x96": _push(lambda m: m.stream.read(_size(m, 8), "bytes")),
    b"\x98": lambda m: None,  # marks a buffer as read-only: ours all are
    b"]": _push(lambda m: m.container([])),
    b")": _push(lambda m: ()),
    b"}": _push(lambda m: m.container({})),
    b"\x8f": _push(lambda m: m.container(set())),
    b"l": _push(lambda m: m.container(_values(m))),
    b"t": _push(lambda m: m.container(tuple(_values(m)))),
    b"d": _dict_of,
    b"\x91": _frozen_set,
    b"\x85": _push(lambda m: _tuple(m, 1)),
    b"\x86": _push(lambda m: _tuple(m, 2)),
    b"\x87": _push(lambda m: _tuple(m, 3)),
    b"a": _append,
    b"e": _many("extend"),
    b"\x90": _many("extend"),
    b"s": _set_item,
    b"u": _many("put_items"),
    b"p": lambda m: m.remember(_memo_line(m)),
    b"q": lambda m: m.remember(_size(m, 1)),
    b"r": lambda m: m.remember(_size(m, 4)),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.recall(_memo_line(m)),
    b"h": lambda m: m.recall(_size(m, 1)),
    b"j": lambda m: m.recall(_size(m, 4)),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"\x81": _new_object,
    b"b": _build,
}
_REFUSED = {
    b"P": "a persistent id", b"Q": "a persistent id", b"i": "an instance of a class (INST)",
    b"o": "an instance of a class (OBJ)", b"\x82": "a registered extension", b"\x83": "a registered extension",
    b"\x84": "a registered extension", b"\x92": "an object made with keyword arguments", b"\x97": "an out-of-band buffer",
}


def _long(machine: _Machine, width: int) -> None:
    size = _size(machine, width)
    _integer(machine, machine.stream.read(size, "an integer") if size <= 9 else b"", size)


def void(_: Any) -> None:
    """For handlers that leave nothing."""
