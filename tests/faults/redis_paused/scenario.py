"""Redis is stopped (SIGSTOP) under load and goes on later: no call fails, answers say what they lack, latencies hold."""

from __future__ import annotations

from fault_row import row, timing
from stack import Context, Load, Stack, losses

USERS = 1000


def rows(context: Context) -> list[dict]:
    before, paused, after = (2, 3, 3) if context.quick else (30, 10, 20)
    with Stack(context) as stack:
        redis, ledger = stack.redis(), context.work_dir / "ledger.jsonl"
        server = stack.server(stack.redis_profiles([redis.address], "journal"))
        stack.give_profiles(server, USERS)
        server.wait_backlog_empty()
        load = stack.load([server], "--rps", 200 if context.quick else 2000, "--duration", before + paused + after,
                          "--generate-users", USERS, "--ledger", ledger)
        load.sleep_until(before)
        redis.pause()
        connects = server.metric("kindred_redis_connection_attempts_total")
        load.sleep_until(before + paused)
        connects = server.metric("kindred_redis_connection_attempts_total") - connects
        redis.resume()
        closed_s = server.wait_breaker_closed()
        total = load.wait()
        replay_s = server.wait_backlog_empty()
        checked = stack.check(ledger, [server])
        base_ms = load.p99_ms(1, before)
        first_ms, later_ms = load.p99_ms(before, before + 1), load.p99_ms(before + 1, before + paused)
        degraded = sum(degraded_of(load, second) for second in range(before, before + paused))
        return losses("redis_paused", checked, total) + [
            row("redis_paused/answers without a profile that do not say so", unflagged(load), "", at_most=0),
            row("redis_paused/answers that said what they lacked", degraded, "", at_least=1),
            timing(context, "redis_paused/p99 of the first second above the baseline", first_ms - base_ms, "ms", at_most=6,
                   note=f"baseline {base_ms:.2f} ms, the first second {first_ms:.2f} ms, later {later_ms:.2f} ms"),
            timing(context, "redis_paused/p99 later above the baseline", later_ms - base_ms, "ms", at_most=1),
            timing(context, "redis_paused/breaker closed after", closed_s, "s", at_most=2),
            timing(context, "redis_paused/connection attempts a second while it stood still", connects / paused, "", at_most=2),
            row("redis_paused/Redis had everything after", replay_s, "s"),
        ]


def degraded_of(load: Load, second: int) -> int:
    return load.seconds.get(second, {}).get("degradations", {}).get("profile_store_unavailable", 0)


def unflagged(load: Load) -> int:
    """Every user has a profile, so an answer from anything but it must have said that the store was not there."""
    count = 0
    for second, line in load.seconds.items():
        other = sum(n for source, n in line["sources"].items() if source not in ("live_profile", "blended_profile"))
        count += max(0, other - degraded_of(load, second))
    return count
