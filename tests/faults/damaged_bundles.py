"""A good bundle with bytes changed and its end cut off."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Callable

from sealed_file import header_size, ranges


@dataclasses.dataclass(frozen=True, eq=False)
class Damaged:
    """`make` gives its content. `named`: texts that the refusal must contain. `kind` is the row's name."""

    kind: str
    name: str
    make: Callable[[], bytes]
    named: list[str]


def header_bytes(schedule: random.Random, good: bytes, limit: int | None) -> list[Damaged]:
    size = header_size(good)
    places = range(size) if limit is None else sorted(schedule.sample(range(size), limit))
    return [Damaged("a byte of the header", f"byte {place}", flipped(schedule, good, place), []) for place in places]


def tensor_bytes(schedule: random.Random, good: bytes, count: int) -> list[Damaged]:
    begin, made = header_size(good), []
    where = ranges(good)
    for place in sorted(schedule.randrange(begin, len(good)) for _ in range(count)):
        name, (first, end) = next((name, its) for name, its in where.items() if its[0] <= place < its[1])
        made.append(Damaged("a byte of a tensor", f"byte {place}", flipped(schedule, good, place),
                            [f'tensor "{name}"', f"bytes {first}..{end}"]))
    return made


def flipped(schedule: random.Random, good: bytes, place: int) -> Callable[[], bytes]:
    byte = bytes([good[place] ^ schedule.randint(1, 255)])
    return lambda: good[:place] + byte + good[place + 1:]


def truncations(schedule: random.Random, good: bytes, count: int, limit: int | None) -> list[Damaged]:
    """At every edge, a byte before and a byte behind it, and at random; and a little too long."""
    edges = sorted({0, 8, header_size(good), *(place for its in ranges(good).values() for place in its)})
    if limit is not None:
        edges = sorted(schedule.sample(edges, min(limit, len(edges))))
    lengths = {edge + step for edge in edges for step in (-1, 0, 1)} | {schedule.randrange(len(good)) for _ in range(count)}
    made = [Damaged("cut off", f"{length} bytes", functools.partial(good.__getitem__, slice(length)), [])
            for length in sorted(lengths) if 0 <= length < len(good)]
    return made + [Damaged("cut off", f"{more} bytes more", functools.partial(good.__add__, bytes(more)), [])
                   for more in (1, 64, 4096)]
