"""Candidates that are sealed and whole and wrong: a golden query altered by one rank, items turned into another basis."""

from __future__ import annotations

import json

import numpy as np

import sealed_file
from answers import Known
from fault_row import row, seed
from model_bundles import MODEL, make_bundle, put
from operators import Operator, Outcome, make_stubs
from stack import Context, Stack, sum_of_calls, wait_until

LIVE, ALTERED, ROTATED, RETRAINED = 1, 2, 3, 4
QUERY, RANK = 2, 3  # of the list that has two neighbours exchanged


def rows(context: Context) -> list[dict]:
    stubs = make_stubs(context.work_dir)
    with Stack(context, "store") as stack:
        live = make_bundle(context, "live")
        path = put(stack.models, LIVE, live)
        # The server takes what is published; nobody asks for it by name.
        server = stack.server("{memory: {}}", settings="models: {poll_interval: 100ms}\nlogging: {level: error}")
        operator, known = stack.operator(stubs, server), Known(stubs, server.address)
        known.learn(server.address, LIVE)
        load = stack.load([server], "--rps", 50, "--duration", 3600, "--generate-users", 50)
        checker = stack.checker(known, server)
        altered, items = altered_golden(make_bundle(context, "altered", version=2).read_bytes())
        paths = {ALTERED: put(stack.models, ALTERED, altered)}
        paths[ROTATED] = put(stack.models, ROTATED, make_bundle(context, "rotated", version=3, rotated=seed()))
        result = []
        for version, case, code, reason, named in (
                (ALTERED, "a golden query altered by one rank", "DATA_LOSS", "GOLDEN_QUERIES_DIFFER",
                 [f"golden query {QUERY} ", f"at rank {RANK}", *items, "pack it again"]),
                (ROTATED, "items in another basis", "FAILED_PRECONDITION", "DRIFT_TOO_LARGE",
                 ["drift", "percentile", f"version {LIVE}", "models.gate.max_own_rank_drop", "do not belong together",
                  f"kindred models load {MODEL} {ROTATED} --force"])):
            result += refused(operator, version, case, code, reason, [str(paths[version]), *named])
        load.interrupt()
        total = load.wait()
        checker.stop()
        # And what is right is taken: the gate does not refuse everything.
        put(stack.models, RETRAINED, make_bundle(context, "retrained", version=4))
        operator.await_serving(RETRAINED)
    case = "refused_models"
    return result + [
        row(f"{case}/failed calls meanwhile", total["failed"] + len(checker.failed),
            f"of {sum_of_calls(total) + checker.asked:,}", at_most=0, note="; ".join(checker.failed[:3]) or None),
        row(f"{case}/answers of another version than the one that serves", len(checker.wrong), f"of {checker.asked:,}",
            at_most=0, note="; ".join(text for _, text in checker.wrong[:3]) or None),
        row(f"{case}/a retrained model is taken", 1, "", at_least=1, note=f"{path.parent.name} served before it")]


def altered_golden(good: bytes) -> tuple[bytes, list[str]]:
    """The bundle with two neighbours of one expected list exchanged, sealed again, and which items they are."""
    file = sealed_file.SealedFile(good)
    golden = file.tensors["golden.queries"]
    queries = json.loads(golden.data)
    expected = queries["queries"][QUERY]["expected"]
    expected[RANK - 1], expected[RANK] = expected[RANK], expected[RANK - 1]
    golden.put(np.frombuffer(json.dumps(queries, separators=(",", ":")).encode(), np.uint8))
    return file.seal(), [f"'{expected[RANK - 1]['item']}'", f"'{expected[RANK]['item']}'"]


def refused(operator: Operator, version: int, case: str, code: str, reason: str, named: list[str]) -> list[dict]:
    """By itself as it was published, and again when an operator asks for it."""
    failed = operator.stubs.model_service.VERSION_STATE_FAILED
    found = wait_until(lambda: (its := operator.versions().get(version)) is not None and its.state == failed and its, 60,
                       f"version {version} to be refused")
    outcomes = {"published": Outcome(code, reason, found.reason),
                **{method: operator.ask(method, version) for method in ("ValidateVersion", "LoadVersion", "ActivateVersion")}}
    taken = [name for name, outcome in outcomes.items() if (outcome.code, outcome.reason) != (code, reason)]
    vague = [f"{name}: {part} is not in {outcome.message!r}" for name, outcome in outcomes.items() for part in named
             if part not in outcome.message]
    serving = operator.model().serving_version
    return [row(f"refused_models/{case}: not refused with {reason}", len(taken) + (serving != LIVE), f"of {len(outcomes)}",
                at_most=0, note="; ".join(f"{name}: {outcomes[name]}" for name in taken[:2]) or None),
            row(f"refused_models/{case}: missing from the message", len(vague), f"of {len(named) * len(outcomes)}", at_most=0,
                note="; ".join(vague[:2]) or found.reason)]
