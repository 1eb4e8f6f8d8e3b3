"""Replies that no honest Redis sends: the connection ends, it is counted, memory does not grow, no call fails."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from proxied import CORRUPT, run_faults  # noqa: E402
from stack import Context, needs_redis  # noqa: E402

from fault_proxy import HOSTILE, Replace  # noqa: E402

MOST_MIB = 16


@needs_redis("redis_hostile")
def rows(context: Context) -> list[dict]:
    faults = {name: (Replace(reply), ("protocol",)) for name, reply in HOSTILE.items()}
    # The first of two replies is a value, though no profile; the second meets the next request, or none.
    faults["two_replies"] = (faults["two_replies"][0], ("protocol", CORRUPT))
    result = run_faults(context, "redis_hostile", faults, 0 if context.quick else 3)
    for entry in result:
        if entry["case"] == "redis_hostile/growth of memory":
            entry |= {"bar": MOST_MIB, "bound": "at most", "ok": entry["figure"] <= MOST_MIB}
    return result
