"""Replies that no honest Redis sends: the connection ends, it is counted, memory does not grow, no call fails."""

from __future__ import annotations

from fault_proxy import HOSTILE, Replace
from proxied import CORRUPT, run_faults
from stack import Context

MOST_MIB = 16


def rows(context: Context) -> list[dict]:
    faults = {name: (Replace(reply), ("protocol",)) for name, reply in HOSTILE.items()}
    # The first of two replies is a value, though no profile; the second meets the next request, or none.
    faults["two_replies"] = (faults["two_replies"][0], ("protocol", CORRUPT))
    result = run_faults(context, "redis_hostile", faults, 0 if context.quick else 3)
    for entry in result:
        if entry["case"] == "redis_hostile/growth of memory":
            entry |= {"bar": MOST_MIB, "bound": "at most", "ok": entry["figure"] <= MOST_MIB}
    return result
