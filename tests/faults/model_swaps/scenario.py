"""A new version a second under half of what the server can take: no call fails, no answer is of two versions."""

from __future__ import annotations

from answers import Known
from fault_row import row, timing
from load_process import Load
from model_bundles import make_bundle, put, remove
from operators import Operator, make_stubs
from stack import BenchError, Context, Server, Stack, sum_of_calls

BUNDLES = 3
SWAP_S = 1.0
STEADY = {True: 3, False: 20}  # seconds before the swaps and after them
CAPACITY_CALLERS, BURST = 16, 1_000
# Histories stay short, so that the store of profiles does not grow by more than what is looked for.
WORK = ("--updates", 0.02, "--generate-users", 500)


def rows(context: Context) -> list[dict]:
    stubs, swaps, steady = make_stubs(context.work_dir), 8 if context.quick else 200, STEADY[context.quick]
    with Stack(context, "store") as stack:
        bundles = [make_bundle(context, f"bundle-{number}", version=number) for number in range(BUNDLES)]
        for number, bundle in enumerate(bundles):
            put(stack.models, number + 1, bundle)
        server = stack.server("{memory: {}}", settings="models: {poll_interval: 100ms}\nlogging: {level: warn}")
        operator, known = stack.operator(stubs, server), Known(stubs, server.address)
        for number in range(BUNDLES):
            operator.ask("LoadVersion", number + 1)
            known.learn(server.address, number + 1)
        for number in range(BUNDLES - 1):
            operator.ask("UnloadVersion", number + 1)
        checkers = [stack.checker(known, server) for _ in range(2)]
        rps = max(20.0, capacity(stack, server) / 2)
        # What many calls in flight take stays with the allocator: where the machine stands still for a moment, it is no
        # sign of what swaps take.
        stack.run_load([server], "--callers", BURST, "--duration", 0.5 if context.quick else 5, "--deadline", 30, *WORK)
        load = stack.load([server], "--rps", f"{rps:.0f}", "--duration", 3600, "--deadline", 30, *WORK)
        version = warm(operator, stack, bundles, 2 if context.quick else 20)
        load.sleep_until(load.now() + steady)
        before = server.resident_bytes()
        begin = load.now()
        late = swap(stack, operator, bundles, load, version, swaps)
        end = load.now()
        load.sleep_until(end + steady)
        after = server.resident_bytes()
        load.interrupt()
        total = load.wait()
        for checker in checkers:
            checker.stop()
        swapped = server.metric("kindred_model_swaps_total")
    return judge(context, load, total, checkers, begin, end, steady) + [
        row("model_swaps/swaps", swaps, f"in {end - begin:.0f} s", at_least=swaps,
            note=f"under {rps:,.0f} calls a second, half of {2 * rps:,.0f}; {swapped:.0f} in all; "
                 f"{late} versions served later than a second after they were published"),
        row("model_swaps/resident after the swaps, of before", after / before, "", at_most=1.5 if context.quick else 1.05,
            note=f"{before / 2**20:.0f} MiB before, {after / 2**20:.0f} MiB after; two generations in memory both times")]


def capacity(stack: Stack, server: Server) -> float:
    """Calls a second that it takes beside the checkers: the least of some measurements, as others use the machine too."""
    totals = [stack.run_load([server], "--callers", CAPACITY_CALLERS, "--duration", 0.5 if stack.context.quick else 5, *WORK)
              for _ in range(3)]
    return min(sum_of_calls(total) / total["seconds"] for total in totals)


def warm(operator: Operator, stack: Stack, bundles: list, swaps: int) -> int:
    """Swaps before anything is measured, so that what is kept ready is there, and what the first loads take of memory that
    the allocator keeps for the next ones. The version that serves then."""
    for version in range(BUNDLES + 1, BUNDLES + 1 + swaps):
        put(stack.models, version, bundles[version % BUNDLES])
        operator.await_serving(version)
        remove(stack.models, lambda old: old < version - 3)
    return version


def swap(stack: Stack, operator: Operator, bundles: list, load: Load, version: int, swaps: int) -> int:
    """One a second. How many had not come to serve when the next one was due."""
    late, begin = 0, load.now()
    for number in range(swaps):
        version += 1
        put(stack.models, version, bundles[version % BUNDLES])
        operator.await_serving(version)
        remove(stack.models, lambda old: old < version - 3)
        due = begin + (number + 1) * SWAP_S
        late += load.now() > due
        load.sleep_until(due)
    return late


def judge(context: Context, load: Load, total: dict, checkers: list, begin: float, end: float, steady: float) -> list[dict]:
    failed = [text for checker in checkers for text in checker.failed]
    wrong = [text for checker in checkers for _, text in checker.wrong]
    asked = sum(checker.asked for checker in checkers)
    seen = len(set().union(*(checker.digests for checker in checkers)))
    case = "model_swaps"
    return [row(f"{case}/failed calls", total["failed"] + len(failed), f"of {sum_of_calls(total) + asked:,}", at_most=0,
                note="; ".join(failed[:3]) or (str(total["calls"]) if total["failed"] else None)),
            row(f"{case}/responses that are not of exactly one version", len(wrong), f"of {asked:,}", at_most=0,
                note="; ".join(wrong[:3]) or None),
            row(f"{case}/bundles that answered the checkers", seen, "", at_least=BUNDLES),
            p99(context, load, begin, end, steady)]


def p99(context: Context, load: Load, begin: float, end: float, steady: float) -> dict:
    first, last = int(begin) + 1, int(end)
    try:
        # Before and after, so that what else the machine does meets both alike.
        calm = (load.p99_ms(first - int(steady), first - 1) + load.p99_ms(last + 2, last + int(steady))) / 2
        swapping = load.p99_ms(first, max(last, first + 1))
        ratio, note = swapping / calm, f"{swapping:.2f} ms, {calm:.2f} ms without swaps; medians over seconds"
    except BenchError:
        ratio, note = None, "the machine was too busy to send the calls when they were due"
    return timing(context, "model_swaps/p99 while swapping, of p99 before and after", ratio, "", at_most=1.5, note=note)
