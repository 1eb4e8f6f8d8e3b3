"""kill -9 of the server at random moments of publishing and activating: the old version or the new one serves, as decided."""

from __future__ import annotations

import contextlib
import random
import shlex
import statistics
import subprocess
import time

import grpc

from fault_row import row, seed
from model_bundles import MODEL, make_bundle, put, remove
from operators import Operator, make_stubs
from stack import BenchError, Context, Server, Stack, wait_until

FORM = (600, 100, 8)
FIRST, OLDER = 2, 1  # versions; 1 is there to be activated again and again
TIMED = 3
SETTINGS = "models: {poll_interval: 100ms}\nlogging: {level: warn}"


class Round:
    """One kill: what was asked for, what had been acknowledged, and what serves afterwards."""

    def __init__(self, old: int, new: int, acknowledged: bool):
        self.old, self.new, self.acknowledged = old, new, acknowledged

    def problem(self, serving: int, answered: str) -> str | None:
        if serving not in (self.old, self.new):
            return f"{serving} serves, neither {self.old} nor {self.new}"
        if self.acknowledged and serving != self.new:
            return f"{serving} serves, though {self.new} had been acknowledged"
        if answered != str(serving):
            return f"{serving} is said to serve, and version {answered!r} answers"
        return None


def rows(context: Context) -> list[dict]:
    kills = 10 if context.quick else 200
    schedule, stubs = random.Random(seed()), make_stubs(context.work_dir)
    with Stack(context, "store") as stack:
        bundles = [make_bundle(context, f"bundle-{number}", FORM, version=number) for number in range(3)]
        for version in (OLDER, FIRST):
            put(stack.models, version, bundles[version])
        server = stack.server(stack.embedded_profiles(), settings=SETTINGS)
        usual_s, newest = time_it(context, stack, stubs, server, bundles)
        problems, counts, restarts = [], dict.fromkeys(("old", "new", "acknowledged", "at work"), 0), []
        for number in range(kills):
            # Every second round goes back to an old version; the others publish the next one.
            target = OLDER if number % 2 else newest + 1
            with contextlib.closing(Operator(stubs, server.process.admin_grpc)) as operator:
                old = operator.model().serving_version
            acknowledged, at_work = kill_amid(context, schedule, server, command(context, stack, server, target,
                                              bundles[target % 3]), usual_s)
            begin = time.monotonic()
            server.start()
            restarts.append(time.monotonic() - begin)
            newest = max([newest, *versions_of(stack)])
            counts["acknowledged"] += acknowledged
            counts["at work"] += at_work
            found = Round(old, target, acknowledged)
            serving, problem = look(stubs, server, found)
            counts["new" if serving == target else "old"] += 1
            problems += [f"kill {number}: {problem}"] if problem else []
            remove(stack.models, lambda version: OLDER < version < newest - 3)
    case = "swap_killed"
    return [row(f"{case}/restarts that served neither the old version nor the new, or not what was acknowledged",
                len(problems), f"of {kills}", at_most=0, note="; ".join(problems[:3]) or None),
            row(f"{case}/kills that met a change at work", counts["at work"], f"of {kills}", at_least=kills / 4,
                note=f"a publication and an activation take {1000 * usual_s:.0f} ms; {counts['old']} restarts served the old "
                f"version, {counts['new']} the new; {counts['acknowledged']} had been acknowledged"),
            row(f"{case}/restart to ready, median", statistics.median(restarts), "s")]


def versions_of(stack: Stack) -> list[int]:
    return [int(folder.name) for folder in (stack.models / MODEL).iterdir() if folder.name.isdecimal()]


def command(context: Context, stack: Stack, server: Server, version: int, bundle) -> list[str]:
    """Publishes the version, unless it is there, and makes it serve."""
    kindred = str(context.binary("kindred"))
    publish = [kindred, "publish", bundle, stack.models / MODEL, "--version", version, "--quiet"]
    activate = [kindred, "models", "activate", MODEL, version, "--quiet", "--admin-server", server.process.admin_grpc]
    steps = [activate] if version == OLDER else [publish, activate]
    return ["sh", "-c", " && ".join(shlex.join(map(str, step)) for step in steps)]


def time_it(context: Context, stack: Stack, stubs, server: Server, bundles: list) -> tuple[float, int]:
    """How long a publication with its activation takes, and the newest version then."""
    took, version = [], FIRST
    for _ in range(TIMED):
        version += 1
        begin = time.monotonic()
        context.run(command(context, stack, server, version, bundles[version % 3]))
        took.append(time.monotonic() - begin)
    return min(took), version


def kill_amid(context: Context, schedule: random.Random, server: Server, argv: list[str], usual_s: float) -> tuple[bool, bool]:
    """Kills the server, and half of the time the publisher with it. Whether the change had been acknowledged; whether it
    was still at work."""
    changer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    time.sleep(schedule.uniform(0, 1.3 * usual_s))
    code = changer.poll()
    server.kill()
    if schedule.random() < 0.5 and changer.poll() is None:
        # `sh` and what it runs are a group of their own.
        subprocess.run(["kill", "-KILL", "--", f"-{changer.pid}"], check=False, stderr=subprocess.DEVNULL)
    try:
        changer.wait(60)
    except subprocess.TimeoutExpired as error:
        changer.kill()
        raise BenchError(f"{argv}: not done 60 s after its server was killed") from error
    return code == 0, code is None


def look(stubs, server: Server, expected: Round) -> tuple[int, str | None]:
    """The version that serves once the store has been looked through, and what is wrong with that."""
    with contextlib.closing(Operator(stubs, server.process.admin_grpc)) as operator:
        first = operator.model().serving_version
        problem = expected.problem(first, answering(stubs, server))
        # A version that was published and not activated may take over now; nothing else may change.
        settle(operator)
        last = operator.model().serving_version
        return last, problem or expected.problem(last, answering(stubs, server))


def settle(operator: Operator) -> None:
    states = operator.stubs.model_service
    at_work = (states.VERSION_STATE_VERIFYING, states.VERSION_STATE_WARMING)
    time.sleep(0.15)  # more than a look at the store takes to come
    wait_until(lambda: not any(version.state in at_work for version in operator.model().versions), 60, "loads to end")


def answering(stubs, server: Server) -> str:
    with grpc.insecure_channel(server.address) as channel:
        request = stubs.pb.RecommendRequest(subject=stubs.pb.Subject(user_id="u1"), page_size=3)
        return stubs.Stub(channel).Recommend(request, timeout=30).version
