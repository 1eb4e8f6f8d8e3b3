"""Redis answers late, a byte at a time, not at all, or the connection ends in the middle of a reply."""

from __future__ import annotations

from fault_proxy import Blackhole, Delay, Refuse, ResetMidReply, Trickle
from proxied import run_faults
from stack import Context

LATE = ("timeout",)
FAULTS = {
    "50 ms late": (Delay(0.05), LATE),
    "500 ms late": (Delay(0.5), LATE),
    "a byte each 100 ms": (Trickle(1, 0.1), LATE),
    "reset in mid-reply": (ResetMidReply(), ("connection",)),
    "no reply": (Blackhole(), LATE),
    "refused": (Refuse(), ("connection",)),
}


def rows(context: Context) -> list[dict]:
    return run_faults(context, "redis_slow", FAULTS, 0 if context.quick else 5)
