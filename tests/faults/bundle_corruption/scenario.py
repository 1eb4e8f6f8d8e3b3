"""A sealed bundle with every byte of its header changed, bytes of its tensors, its end cut off, or sealed again around
nonsense: all refused, each saying where, while another version answers."""

from __future__ import annotations

import concurrent.futures
import functools
import os
import pathlib
import random
import re
import subprocess
import threading

from answers import Known
from damaged_bundles import Damaged, header_bytes, tensor_bytes, truncations
from fault_row import row, seed
from hostile_bundles import Hostile, hostile_bundles
from model_bundles import MODEL, SMALL, make_bundle, put
from operators import make_stubs
from stack import BenchError, Context, Stack, sum_of_calls

LIVE_VERSION, VICTIM = 1, 2


def rows(context: Context) -> list[dict]:
    quick, schedule = context.quick, random.Random(seed())
    good = make_bundle(context, "good", SMALL)
    made = [*header_bytes(schedule, good.read_bytes(), 60 if quick else None),
            *tensor_bytes(schedule, good.read_bytes(), 100 if quick else 10_000),
            *truncations(schedule, good.read_bytes(), 20 if quick else 1_000, 15 if quick else None),
            *sealed_again(schedule, hostile_bundles(good), 60 if quick else None)]
    if not Verifier(context).accepts(good.read_bytes()):
        raise BenchError("the bundle that is to be damaged is not valid itself")
    with Stack(context, "store") as stack:
        stubs = make_stubs(context.work_dir)
        put(stack.models, LIVE_VERSION, make_bundle(context, "live"))
        server = stack.server("{memory: {}}", settings="models: {poll_interval: 1h}\nlogging: {level: error}")
        known, operator = Known(stubs, server.address), stack.operator(stubs, server)
        known.learn(server.address, LIVE_VERSION)
        load = stack.load([server], "--rps", 50, "--duration", 3600, "--generate-users", 50)
        checker = stack.checker(known, server, pause_s=0.02)
        outcomes = verify_all(context, made)
        gated = {}
        for damaged in sample(schedule, made, 15 if quick else 400):
            put_or_replace(stack, damaged.make())
            outcome = operator.ask("ValidateVersion", VICTIM)
            gated[damaged] = None if outcome.ok else outcome.message
        load.interrupt()
        total = load.wait()
        checker.stop()
        serving = operator.model().serving_version
    return [*judge("verify", outcomes), *judge("the gate", gated),
            row("bundle_corruption/failed calls meanwhile", total["failed"] + len(checker.failed),
                f"of {sum_of_calls(total) + checker.asked:,}", at_most=0, note="; ".join(checker.failed[:3]) or None),
            row("bundle_corruption/wrong answers meanwhile", len(checker.wrong) + (serving != LIVE_VERSION), "", at_most=0,
                note="; ".join(text for _, text in checker.wrong[:3]) or None)]


def sealed_again(schedule: random.Random, hostile: Hostile, limit: int | None) -> list[Damaged]:
    names = list(hostile) if limit is None else schedule.sample(list(hostile), limit)
    return [Damaged("sealed and hostile", name, functools.partial(bytes, hostile[name][0]), hostile[name][1]) for name in names]


def sample(schedule: random.Random, made: list[Damaged], most: int) -> list[Damaged]:
    """At most so many of each kind."""
    by_kind: dict[str, list[Damaged]] = {}
    for damaged in made:
        by_kind.setdefault(damaged.kind, []).append(damaged)
    return [damaged for its in by_kind.values() for damaged in schedule.sample(its, min(most, len(its)))]


def put_or_replace(stack: Stack, content: bytes) -> pathlib.Path:
    """The victim's version, in place of what it was before, by rename."""
    path = stack.models / MODEL / str(VICTIM) / "bundle.safetensors"
    if not path.exists():
        return put(stack.models, VICTIM, content)
    path.with_name("next").write_bytes(content)
    path.with_name("next").rename(path)
    return path


class Verifier:
    """`kindred verify` of contents, each written over the one before. One thread."""

    def __init__(self, context: Context):
        memory = pathlib.Path("/dev/shm")
        folder = memory if os.access(memory, os.W_OK) else context.work_dir
        self.kindred = str(context.binary("kindred"))
        self.path = folder / f"kindred-{context.work_dir.name}-{threading.get_ident()}.safetensors"

    def refusal(self, content: bytes) -> str | None:
        """None where it is taken for valid."""
        self.path.write_bytes(content)
        try:
            done = subprocess.run([self.kindred, "verify", str(self.path)], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60, errors="replace")
        finally:
            self.path.unlink()
        if done.returncode == 0:
            return None
        if done.returncode != 1 or not done.stdout.startswith("INVALID: "):
            return f"exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
        return done.stdout

    def accepts(self, content: bytes) -> bool:
        return self.refusal(content) is None


def verify_all(context: Context, made: list[Damaged]) -> dict[Damaged, str | None]:
    own = threading.local()

    def refusal(damaged: Damaged) -> str | None:
        if not hasattr(own, "verifier"):
            own.verifier = Verifier(context)
        return own.verifier.refusal(damaged.make())

    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(made, pool.map(refusal, made)))


def judge(who: str, outcomes: dict[Damaged, str | None]) -> list[dict]:
    made = []
    for kind in sorted({damaged.kind for damaged in outcomes}):
        its = {damaged: text for damaged, text in outcomes.items() if damaged.kind == kind}
        taken = [damaged.name for damaged, text in its.items() if text is None]
        vague = [f"{damaged.name}: {text.strip()}" for damaged, text in its.items()
                 if text is not None and not tells(damaged, text)]
        case = f"bundle_corruption/{kind}"
        made += [row(f"{case}, {who}: accepted", len(taken), f"of {len(its):,}", at_most=0, note=", ".join(taken[:5]) or None),
                 row(f"{case}, {who}: refused without saying where", len(vague), "", at_most=0,
                     note=" | ".join(vague[:3]) or None)]
    return made


def tells(damaged: Damaged, text: str) -> bool:
    """The file, what is wrong with it, and the tensor and byte where there is one."""
    return ".safetensors" in text and not re.match(r"exit ", text) and all(part in text for part in damaged.named)
