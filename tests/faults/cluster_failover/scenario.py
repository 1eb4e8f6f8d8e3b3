"""A cluster of six; a master is stopped under load, its replica takes over, and it comes back as a replica."""

from __future__ import annotations

import time

from fault_row import row
from stack import Context, Stack, losses


def rows(context: Context) -> list[dict]:
    before, after = (1, 2) if context.quick else (10, 20)
    with Stack(context) as stack:
        cluster, ledger = stack.cluster(), context.work_dir / "ledger.jsonl"
        server = stack.server(stack.redis_profiles(cluster.addresses[:3], "journal", mode="cluster"))
        load = stack.load([server], "--rps", 200 if context.quick else 2000, "--duration", 3600, "--generate-users", 1000,
                          "--profile-reads", 0.1, "--ledger", ledger)
        load.sleep_until(before)
        master = cluster.master_of("profile:load-0")
        begin = time.monotonic()
        master.pause()
        cluster.wait_replaced(master, "profile:load-0")
        replaced_s = time.monotonic() - begin
        load.sleep_until(load.now() + after)
        master.resume()
        load.sleep_until(load.now() + after)
        load.interrupt()
        total = load.wait()
        backlog_s = server.wait_backlog_empty()
        fresh = stack.server(stack.redis_profiles(cluster.addresses[3:], "fresh", mode="cluster"))
        checked = stack.check(ledger, [server, fresh], within_s=30)
        return losses("cluster_failover", checked, total, note="read back through the server and through one that has only "
                      "the cluster") + [
            row("cluster_failover/the cluster replaced its master after", replaced_s, "s"),
            row("cluster_failover/Redis had everything after", backlog_s, "s"),
        ]
