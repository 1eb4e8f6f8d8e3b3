"""The file of the version that serves is cut short, zeroed, overwritten, deleted or made unreadable, under load."""

from __future__ import annotations

import os
import pathlib
import random
import time

from answers import Known
from fault_row import row, seed, timing
from model_bundles import make_bundle, put
from operators import make_stubs
from stack import Context, Stack, sum_of_calls

BEFORE, LIVE = 1, 2
MODES = ("map", "copy")
ALERT_S = 1.0
# Harms that the map goes on to show: what is overwritten may be answered from until somebody notices.
CONTENT = ("truncated", "cut in the middle", "zeroed", "garbage")
NAMES = ("deleted", "replaced", "unreadable")
SHORT = {"map": ("truncated", "garbage", "deleted"), "copy": ("truncated", "garbage")}


def rows(context: Context) -> list[dict]:
    stubs = make_stubs(context.work_dir)
    bundles = [make_bundle(context, f"bundle-{version}", version=version) for version in (BEFORE, LIVE)]
    result = []
    for mode in MODES:
        for harm in SHORT[mode] if context.quick else (*CONTENT, *NAMES):
            if harm == "unreadable" and os.geteuid() == 0:
                result.append(row(f"live_file/{mode}/{harm}", None, "", skipped="root reads every file"))
                continue
            result += harmed(context, stubs, bundles, mode, harm)
    return result


def harmed(context: Context, stubs, bundles: list[pathlib.Path], mode: str, harm: str) -> list[dict]:
    with Stack(context, f"store-{mode}-{harm.replace(' ', '-')}") as stack:
        path = [put(stack.models, version, bundle) for version, bundle in zip((BEFORE, LIVE), bundles)][-1]
        server = stack.server("{memory: {}}", settings=f"models: {{load_mode: {mode}}}\nlogging: {{level: error}}")
        operator, known = stack.operator(stubs, server), Known(stubs, server.address)
        operator.ask("LoadVersion", BEFORE)
        digests = [known.learn(server.address, version) for version in (BEFORE, LIVE)]
        load = stack.load([server], "--rps", 100, "--duration", 3600, "--generate-users", 100)
        checkers = [stack.checker(known, server, pause_s=0.002) for _ in range(2)]
        load.sleep_until(0.5)
        begin = time.monotonic()
        damage(path, harm)
        alerted = alert_after(server, begin)
        # Answers that begin now come after the alert.
        since = time.monotonic()
        load.sleep_until(load.now() + (1 if context.quick else 5))
        load.interrupt()
        total = load.wait()
        for checker in checkers:
            checker.stop()
    failed = [text for checker in checkers for text in checker.failed]
    wrong = [(at, text) for checker in checkers for at, text in checker.wrong]
    late = [text for at, text in wrong if at >= since]
    last = {digest for checker in checkers for digest, at in checker.digests.items() if at > since + 0.5}
    want = digests[0] if mode == "map" and harm in CONTENT else digests[1]
    case, asked = f"live_file/{mode}/{harm}", sum(checker.asked for checker in checkers)
    # Bytes that changed under a map raise nothing: what is answered before somebody has noticed may be anything.
    unnoticed = mode == "map" and harm in ("zeroed", "garbage", "cut in the middle")
    return [row(f"{case}: failed calls", total["failed"] + len(failed), f"of {sum_of_calls(total) + asked:,}", at_most=0,
                note="; ".join(failed[:3]) or (str(total["calls"]) if total["failed"] else None)),
            row(f"{case}: wrong answers{' after the alert' if unnoticed else ''}", len(late if unnoticed else wrong),
                f"of {asked:,}", at_most=0,
                note="; ".join((late or [text for _, text in wrong])[:2]) + f" ({len(wrong) - len(late)} before the alert)"
                if wrong else None),
            row(f"{case}: answers come from the {'version before' if want == digests[0] else 'same version'}",
                float(last == {want}), "", at_least=1, note=None if last == {want} else f"they name {sorted(last)}"),
            timing(context, f"{case}: alert after", alerted, "s", at_most=ALERT_S)]


def damage(path: pathlib.Path, harm: str) -> None:
    size = path.stat().st_size
    if harm == "truncated":
        os.truncate(path, 0)
    elif harm == "cut in the middle":
        os.truncate(path, size // 2)
    elif harm in ("zeroed", "garbage"):
        content = bytes(size) if harm == "zeroed" else random.Random(seed()).randbytes(size)
        with open(path, "r+b") as file:
            file.write(content)
    elif harm == "deleted":
        path.unlink()
    elif harm == "replaced":
        path.with_name("other").write_bytes(random.Random(seed()).randbytes(size))
        path.with_name("other").rename(path)
    else:
        path.chmod(0)


def alert_after(server, begin: float) -> float | None:
    """Seconds until the counter that alerts are made of has risen. None: not within ten."""
    while time.monotonic() < begin + 10:
        if server.metric("kindred_model_damage_total") > 0:
            return time.monotonic() - begin
        time.sleep(0.02)
    return None
