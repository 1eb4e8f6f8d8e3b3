"""Every error that a Redis may answer with: no call fails, and each is counted under its own name."""

from __future__ import annotations

from fault_proxy import error
from proxied import run_faults
from stack import Context

ERRORS = {
    "OOM command not allowed when used memory > 'maxmemory'.": ("out_of_memory", "oom"),
    "LOADING Redis is loading the dataset in memory": "loading",
    "READONLY You can't write against a read only replica.": "read_only",
    "NOAUTH Authentication required.": "no_auth",
    "NOPERM this user has no permissions to run the 'get' command": ("no_permission", "no_perm"),
    "MOVED 5798 127.0.0.1:1": "moved",
    "ASK 5798 127.0.0.1:1": "ask",
    "TRYAGAIN Multiple keys request during rehashing of slot": "try_again",
    "CLUSTERDOWN Hash slot not served": "cluster_down",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "master_down",
    "NOSCRIPT No matching script. Please use EVAL.": "no_script",
    "BUSY Redis is busy running a script.": "busy",
    "ERR something else": "other",
}


def rows(context: Context) -> list[dict]:
    faults = {f"-{line.split(' ')[0]}": (error(line), (names,) if isinstance(names, str) else names)
              for line, names in ERRORS.items()}
    return run_faults(context, "redis_errors", faults, 0 if context.quick else 3)
