"""Ten thousand calls for one user whom the server does not know yet: Redis is asked once or twice."""

from __future__ import annotations

from fault_row import row
from stack import Context, Stack

# Whatever a server may read a profile with.
READS = ("get", "getrange", "getex", "mget", "eval", "evalsha", "evalsha_ro", "fcall", "fcall_ro", "hget", "hgetall")


def rows(context: Context) -> list[dict]:
    calls = 2_000 if context.quick else 10_000
    with Stack(context) as stack:
        redis = stack.redis()
        writer = stack.server(stack.redis_profiles([redis.address], "writer"))
        stack.give_profiles(writer, 1)
        writer.wait_backlog_empty()
        writer.close()
        # It has its own journal and near cache: the user is in Redis alone.
        reader = stack.server(stack.redis_profiles([redis.address], "reader"))
        stack.run_load([reader], "--updates", 0, "--calls", 50, "--callers", 8, "--generate-users", 1, "--user-prefix",
                       "somebody-else-")  # connections are open, scripts are loaded
        redis.call("CONFIG", "RESETSTAT")
        # All are due within a tenth of a second, long before the first reply could be out of date.
        total = stack.run_load([reader], "--updates", 0, "--generate-users", 1, "--rps", calls * 10, "--duration", 0.1,
                               "--deadline", 60, "--connections", 16)
        reads = sum(redis.commands(name) for name in READS)
        live = total["sources"].get("live_profile", 0)
        return [row("cold_user/reads of Redis", reads, f"for {calls:,} calls", at_most=2),
                row("cold_user/reads of Redis, at least", reads, "", at_least=1),
                row("cold_user/failed RPCs", total["failed"], f"of {calls:,}", at_most=0),
                # Those who came while the read was under way had to wait for it, or say that they did not.
                row("cold_user/answers from the profile or flagged",
                    live + total["degradations"].get("profile_store_unavailable", 0), "", at_least=total["latency_us"]["count"])]
