"""Fifty operators at once, a storm of SIGHUPs, SIGTERM amid a load: one load at a time, the last activation wins, exit 0."""

from __future__ import annotations

import json
import os
import random
import signal
import time

from answers import Known
from fault_row import row, seed, timing
from model_bundles import make_bundle, put
from operators import Operator, Outcome, make_stubs
from stack import Context, Server, Stack, http, sum_of_calls, wait_until

CALLS = 50
VERSIONS = 6
SERVICE = "kindred.v1.ModelService"
SETTINGS = "models: {poll_interval: 1h, keep_ready: 1}\nlogging: {level: info}"
# So large and so slow that the stop meets the load.
LARGE = (5_000, 1_000, 256)
SLOW = "models: {poll_interval: 1h, prefault_bytes: 1MiB}\nlogging: {level: info}"


def rows(context: Context) -> list[dict]:
    stubs, schedule = make_stubs(context.work_dir), random.Random(seed())
    with Stack(context, "store") as stack:
        for version in range(1, VERSIONS + 1):
            put(stack.models, version, make_bundle(context, f"bundle-{version}", version=version))
        server = stack.server("{memory: {}}", settings=SETTINGS)
        operator, known = stack.operator(stubs, server), Known(stubs, server.address)
        for version in range(1, VERSIONS + 1):
            operator.ask("LoadVersion", version)
            known.learn(server.address, version)
        load = stack.load([server], "--rps", 100, "--duration", 3600, "--generate-users", 100)
        checker = stack.checker(known, server)
        result = [*storm_of_calls(schedule, server, operator, 2 if context.quick else 20),
                  *storm_of_hangups(context, stack, server, operator, 300 if context.quick else 3_000)]
        load.interrupt()
        total = load.wait()
        checker.stop()
        most = most_at_once(server)
    return result + [row("load_storm/versions loading at once, at most", most, "", at_most=1),
                     row("load_storm/failed calls meanwhile", total["failed"] + len(checker.failed),
                         f"of {sum_of_calls(total) + checker.asked:,}", at_most=0, note="; ".join(checker.failed[:3]) or None),
                     row("load_storm/wrong answers meanwhile", len(checker.wrong), f"of {checker.asked:,}", at_most=0,
                         note="; ".join(text for _, text in checker.wrong[:3]) or None),
                     *stop_amid_load(context, stubs)]


def calls_begun(server: Server) -> float:
    return server.metric("grpc_server_started_total", grpc_service=SERVICE)


def storm_of_calls(schedule: random.Random, server: Server, operator: Operator, rounds: int) -> list[dict]:
    """Each round: fifty loads, dry runs, activations and rollbacks at once, and behind them all one activation."""
    refused, lost = [], []
    for number in range(rounds):
        begun, calls = calls_begun(server), []
        for _ in range(CALLS):
            method = schedule.choice(("LoadVersion", "ActivateVersion", "ActivateVersion", "ValidateVersion"))
            calls.append(operator.start(method, schedule.randint(1, VERSIONS)))
        wait_until(lambda: calls_begun(server) >= begun + CALLS, 60, "all calls to be with the server")
        last = schedule.randint(1, VERSIONS)
        outcome = operator.ask("ActivateVersion", last)
        outcomes = [operator.outcome(call) for call in calls]
        refused += [describe(other) for other in [*outcomes, outcome] if not other.ok]
        serving = operator.model().serving_version
        if serving != last or not outcome.ok or outcome.version.version != last:
            lost.append(f"round {number}: {serving} serves, {last} was activated last: {describe(outcome)}")
    case = "load_storm/calls"
    return [row(f"{case}/refused", len(refused), f"of {rounds * (CALLS + 1):,}", at_most=0,
                note="; ".join(refused[:3]) or None),
            row(f"{case}/rounds in which the last activation did not win", len(lost), f"of {rounds}", at_most=0,
                note="; ".join(lost[:3]) or None)]


def describe(outcome: Outcome) -> str:
    return f"{outcome.code} {outcome.reason} {outcome.message}".strip()


def storm_of_hangups(context: Context, stack: Stack, server: Server, operator: Operator, count: int) -> list[dict]:
    """A version is published into a storm of SIGHUPs, which is the only thing that makes the server look but the kernel."""
    bundle = stack.context.work_dir / "bundle-1.safetensors"
    new, begin = VERSIONS + 1, 0.0
    for number in range(count):
        if number == count // 2:
            begin = time.monotonic()
            put(stack.models, new, bundle)
        os.kill(server.process.pid, signal.SIGHUP)
        time.sleep(0.0005)
    operator.await_serving(new)
    took, ready = time.monotonic() - begin, http(server.process.admin, "/readyz")[0]
    return [timing(context, "load_storm/a version published amid SIGHUPs serves after", took, "s", at_most=10,
                   note=f"{count} SIGHUPs"),
            row("load_storm/readyz after the SIGHUPs", ready, "", at_most=200)]


def most_at_once(server: Server) -> int:
    """Of versions between `verifying` and the end of their load, by the log."""
    loading, most = set(), 0
    for line in server.process.log().splitlines():
        entry = json.loads(line)
        key = (entry.get("model"), entry.get("version"))
        if entry.get("state") in ("verifying", "warming"):
            loading.add(key)
        elif entry["msg"] in ("model version", "model version ready", "model version refused"):
            loading.discard(key)
        most = max(most, len(loading))
    return most


def stop_amid_load(context: Context, stubs) -> list[dict]:
    """SIGTERM while a version is warming and fifty callers wait for it."""
    with Stack(context, "store") as stack:
        server = stack.server("{memory: {}}", settings=SLOW)
        operator = stack.operator(stubs, server)
        put(stack.models, 100, make_bundle(context, "large", LARGE))
        # Its vectors have nothing to do with those of the others.
        calls = [operator.start("ActivateVersion", 100, force=True) for _ in range(CALLS)]
        states = stubs.model_service
        wait_until(lambda: 100 in (versions := operator.versions()) and
                   versions[100].state == states.VERSION_STATE_WARMING, 60, "version 100 to be warming")
        begin = time.monotonic()
        server.process.process.send_signal(signal.SIGTERM)
        code = server.process.process.wait(60)
        took = time.monotonic() - begin
        told = {operator.outcome(call).code for call in calls}
        server.process.process.stdout.close()
    case = "load_storm/stop amid a load"
    return [row(f"{case}/exit code", code, "", at_most=0),
            row(f"{case}/callers who were told something else than that it stops", len(told - {"CANCELLED", "UNAVAILABLE"}), "",
                at_most=0, note=", ".join(sorted(told))),
            timing(context, f"{case}/took", took, "s", at_most=5)]
