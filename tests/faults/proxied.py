"""A server behind a fault proxy, under a load that goes on over all faults; each fault must show under its own name."""

from __future__ import annotations

from fault_proxy import Pass
from fault_row import row
from stack import Context, Stack, losses, wait_until

# Profiles must come from Redis, or the faults would not be met.
NO_NEAR_CACHE = "{ttl: 0s, negative_ttl: 0s}"
CONNECTIONS = 2  # to a node, as servers have them unless they are told otherwise
# Among the results of a fault: a reply that came through and holds no profile.
CORRUPT = "a corrupt profile"


def run_faults(context: Context, case: str, faults: dict[str, tuple], hold_s: float) -> list[dict]:
    """faults: name → (mode, the results of kindred_redis_ops_total, or CORRUPT, of which at least one must count it)."""
    with Stack(context) as stack:
        redis, ledger = stack.redis(), context.work_dir / "ledger.jsonl"
        proxy = stack.proxy(redis)
        server = stack.server(stack.redis_profiles([proxy.address], "journal", near_cache=NO_NEAR_CACHE))
        load = stack.load([server], "--rps", 150 if context.quick else 1000, "--duration", 3600, "--profile-reads", 0.3,
                          "--generate-users", 500, "--ledger", ledger)
        wait_until(lambda: load.now() > 1, what="the load to start")
        counted, before_bytes = [], server.resident_bytes()
        most_bytes = before_bytes
        for name, (mode, results) in faults.items():
            def seen() -> float:
                return sum(server.metric("kindred_profile_corrupt_total") if result == CORRUPT else
                           server.metric("kindred_redis_ops_total", result=result) +
                           server.metric("kindred_redis_connection_failures_total", reason=result)
                           for result in results)

            # A fault that meets a connection while it is made has another name.
            wait_until(lambda: server.metric("kindred_redis_connections") >= CONNECTIONS, 10, "the connections to Redis")
            start = seen()
            proxy.mode = mode
            try:
                wait_until(lambda: seen() > start, 10, f"{name} to be counted as {' or '.join(results)}")
            except AssertionError:
                pass  # the row says so
            load.sleep_until(load.now() + hold_s)
            counted.append(row(f"{case}/{name} counted as {' or '.join(results)}", seen() - start, "", at_least=1))
            most_bytes = max(most_bytes, server.resident_bytes())
            proxy.mode = Pass()
            server.wait_breaker_closed()
        load.interrupt()
        total = load.wait()
        server.wait_backlog_empty()
        checked = stack.check(ledger, [server])
        # What a call waited for Redis shows in what it took: all of it, for the rest is well below a millisecond.
        worst = max(line["latency_us"]["p99"] for line in load.seconds.values()) / 1000
        return losses(case, checked, total) + counted + [
            row(f"{case}/growth of memory", (most_bytes - before_bytes) / 2**20, "MiB"),
            row(f"{case}/p99 of the worst second", worst, "ms"),
        ]
