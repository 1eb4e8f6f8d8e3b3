"""Cold start: users whom training never saw, folded in from their first 10 events, beside the same users trained on them.

A fifth of the users with at least 20 distinct items is held out. One model is trained on the others and asked with each
held-out user's first 10 events as an anonymous session; another is trained on the others and those same events, and asked
by user id. Both are to find what the users touched afterwards, among items that both models know.
"""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from datasets import DESKDROP, ONLINE_RETAIL, Dataset  # noqa: E402
from product import (Context, Product, beside, command_of, guarded, read_rows, skipped, write_rows)  # noqa: E402

COMMAND = command_of("cold_start")
EVENTS = 10
LEAST = 0.9
FAMILIES = ("als", "traits", "item2vec", "item_cosine")


def rows(context: Context) -> list[dict]:
    result = []
    for data in (ONLINE_RETAIL, DESKDROP):
        cases = {family: f"cold_start/{data.name}/{family}" for family in FAMILIES}
        if not data.path.is_file():
            result += skipped(list(cases.values()), COMMAND, data.path)
            continue
        product = Product(context)
        files = prepare(product, data)
        for family, case in cases.items():
            result += guarded(case, COMMAND, lambda: measure(product, data, family, case, *files))
    return result


def prepare(product: Product, data: Dataset) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path, pathlib.Path]:
    """Files: the others; the others with the first events; the first events; what came later."""
    others, held = product.split(f"{data.name}-cold", [data.path], *data.flags, "--kind", "users", "--test-fraction",
                                 0.2, "--min-items", 20, "--seed", 1)
    others_rows = read_rows(others)
    known = {event["item_id"] for event in others_rows}
    by_user: dict[str, list[dict[str, str]]] = {}
    for event in read_rows(held):
        by_user.setdefault(event["user_id"], []).append(event)
    first, later = [], []
    for events in by_user.values():
        events.sort(key=lambda event: event["timestamp"])
        first += events[:EVENTS]
        later += [event for event in events[EVENTS:] if event["item_id"] in known]
    # Events of items that nobody else has are known to one model alone; both go without.
    first = [event for event in first if event["item_id"] in known]
    folder = product.context.work_dir
    return (others, write_rows(folder / f"{data.name}-both.csv.gz", others_rows + first),
            write_rows(folder / f"{data.name}-first.csv.gz", first),
            write_rows(folder / f"{data.name}-later.csv.gz", later))


def measure(product: Product, data: Dataset, family: str, case: str, others: pathlib.Path, both: pathlib.Path,
            first: pathlib.Path, later: pathlib.Path) -> dict:
    recipe = data.space(family)
    without, _ = product.train(f"{data.name}-{family}-without", others, **recipe, **data.keys)
    trained, _ = product.train(f"{data.name}-{family}-trained", both, **recipe, **data.keys)
    folded = product.ranking(without, later, "--subject", "events", "--train", first, *data.columns())
    known = product.ranking(trained, later, *data.columns())
    return beside(case, folded.figure(), "NDCG@10", COMMAND, "the same users trained", known.figure(), bar=LEAST,
                  note=f"first {EVENTS} events of held-out users with 20 distinct items; {folded.text()}; "
                       f"popularity has {known.figure(ranker='popularity'):.4f}",
                  quick=product.context.quick)
