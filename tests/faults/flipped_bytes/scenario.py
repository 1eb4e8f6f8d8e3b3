"""A stored profile with one byte changed, cut, swapped with another user's, or huge: counts as none, and is counted."""

from __future__ import annotations

import json
import random
import time

from fault_row import row
from proxied import NO_NEAR_CACHE
from stack import Context, Server, Stack

USER, OTHER = "load-0", "load-1"
KEYS = [f"profile:{user}" for user in (USER, OTHER)]
# A read that Redis does not answer in time says nothing of the value: it is asked again.
READS = 3


def rows(context: Context) -> list[dict]:
    with Stack(context) as stack:
        schedule = random.Random(stack.seed)
        redis = stack.redis()
        writer = stack.server(stack.redis_profiles([redis.address], "writer"))
        for _ in range(3):
            stack.give_profiles(writer, 2)
        writer.wait_backlog_empty()
        writer.close()
        # Its journal knows nothing of the users, so what it says comes from Redis.
        reader = stack.server(stack.redis_profiles([redis.address], "reader", near_cache=NO_NEAR_CACHE))
        whole, others = (redis.call("GET", key) for key in KEYS)
        if events_of(context, reader) != 3:
            return [row("flipped_bytes/the value as it was", events_of(context, reader), "events", at_least=3)]
        damaged = {f"byte {place}": whole[:place] + bytes([whole[place] ^ schedule.randint(1, 255)]) + whole[place + 1:]
                   for place in places(context, schedule, len(whole))}
        damaged |= {f"cut at {length}": whole[:length] for length in
                    (range(len(whole)) if not context.quick else [0, *schedule.sample(range(1, len(whole)), 9)])}
        damaged |= {"longer by a byte": whole + b"\0", "another user's": others,
                    "10 MiB": schedule.randbytes(10 << 20), "10 MiB behind it": whole + bytes(10 << 20)}
        taken, uncounted = [], []
        for name, value in damaged.items():
            redis.call("SET", KEYS[0], value)
            before = corrupt(reader)
            for _ in range(READS):
                if events_of(context, reader) != 0:
                    taken.append(name)
                # Those may end as replies that are too large.
                if "10 MiB" in name or counted(reader, before):
                    break
            else:
                uncounted.append(name)
        redis.call("SET", KEYS[0], whole)
        return [row("flipped_bytes/damaged values that were believed", len(taken), f"of {len(damaged):,}", at_most=0,
                    note=", ".join(taken[:10]) or None),
                row("flipped_bytes/damaged values that were not counted", len(uncounted), "", at_most=0,
                    note=", ".join(uncounted[:10]) or None),
                row("flipped_bytes/events of the whole value, afterwards", events_of(context, reader), "", at_least=3)]


def places(context: Context, schedule: random.Random, length: int) -> list[int]:
    return sorted(schedule.sample(range(length), min(length, 40))) if context.quick else list(range(length))


def corrupt(server: Server) -> float:
    return server.metric("kindred_profile_corrupt_total")


def counted(server: Server, before: float, seconds: float = 2) -> bool:
    """An empty value is told from none after the answer."""
    deadline = time.monotonic() + seconds
    while corrupt(server) == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def events_of(context: Context, server: Server) -> int:
    answer = json.loads(context.run([context.binary("kindred"), "query", "profile", "--user", USER, "--server",
                                     server.address, "--json"]))
    return len(answer["events"])
