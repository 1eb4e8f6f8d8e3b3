"""NDCG@10 on Online Retail and Deskdrop: popularity, ALS, traits, the best; and the same under one cut for all users.

Under the protocol each user is cut at a moment of their own, so training holds what others did after it: the figures
compare models, they do not foretell what a service would reach on the day. The share of hindsight is measured beside
them, and the winners stand beside popularity under one cut for everybody as well, with users who are new after it
counted.
"""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from datasets import CUT, DESKDROP, GLOBAL_CUT, ONLINE_RETAIL, Dataset  # noqa: E402
from product import (BenchError, Context, Product, anchor, beside, command_of, guarded, read_rows, row,  # noqa: E402
                     settings, skipped)

COMMAND = command_of("protocol")
UNIT = "NDCG@10"
HINDSIGHT = ("items to be found that nobody had touched before the user's last training event: only what others did later "
             "makes them known, so figures under per-user cuts compare models and do not foretell a service's; one_cut has "
             "one cut for all")


def rows(context: Context) -> list[dict]:
    result = []
    for data in (ONLINE_RETAIL, DESKDROP):
        if data.path.is_file():
            result += measure(Product(context), data)
        else:
            result += skipped([f"protocol/{data.name}/{case}" for case in ("popularity", "als", "best", "one_cut/als")],
                              COMMAND, data.path)
    return result


def measure(product: Product, data: Dataset) -> list[dict]:
    quick = product.context.quick
    train, test = product.split(data.name, [data.path], *data.flags, *CUT)
    found: dict[str, float] = {}

    def case_name(name: str) -> str:
        return f"protocol/{data.name}/{name}"

    def popularity() -> dict:
        bundle, _ = product.train(f"{data.name}-popular", train, {"popular": {}}, **data.keys)
        ranking = product.ranking(bundle, test)
        figure = ranking.figure()
        error = None
        if not quick and ranking.scored_users != data.test_users:
            error = f"{ranking.scored_users} test users instead of the protocol's {data.test_users}"
        elif not quick and abs(figure - data.popularity) > 0.0003:
            error = f"{figure:.4f} instead of the protocol's {data.popularity:.4f}"
        found["popularity"] = figure
        return row(case_name("popularity"), figure, UNIT, COMMAND, peer="the protocol's own", higher_is_better=True,
                   peer_figure=data.popularity, error=error, note=f"{ranking.text()}; the same cut as the issue's")

    def model(name: str, recipe: dict, more: str = "") -> list[dict]:
        def one() -> dict:
            bundle, seconds = product.train(f"{data.name}-{name}", train, **recipe, **data.keys)
            ranking = product.ranking(bundle, test)
            found[name] = ranking.figure()
            (parameters,) = recipe["spaces"].values()
            return anchor(case_name(name), found[name], UNIT, COMMAND, least=data.least.get(name), quick=quick,
                          note=f"{settings(parameters)}; trained in {seconds:.0f} s; {ranking.text()}{more}")
        return guarded(case_name(name), COMMAND, one)

    result = guarded(case_name("popularity"), COMMAND, popularity)
    result += model("als", data.space("als"))
    result += model("als_all_alike", data.space("als_all_alike"), "; events of any age count alike")
    result += model("item_cosine", data.space("item_cosine"))
    result += model("mean_embedding", data.space("item2vec", prior_weight=0), "; item2vec without the item prior")
    result += model("item2vec", data.space("item2vec"))
    result += model("traits", data.space("traits"))
    result += guarded(case_name("best"), COMMAND, lambda: best(product, data, train, test, found, case_name("best")))
    share = hindsight(train, test)
    result.append(row(case_name("hindsight"), 100 * share, "% of pairs", COMMAND, note=HINDSIGHT))
    result += guarded(case_name("one_cut/als"), COMMAND, lambda: one_cut(product, data, case_name))
    return result


def hindsight(train: pathlib.Path, test: pathlib.Path) -> float:
    """Share of the pairs to be found whose item has no training event before the user's last one."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    had = set()
    for event in read_rows(train):
        user, item, moment = event["user_id"], event["item_id"], event["timestamp"]
        first[item] = min(first.get(item, moment), moment)
        last[user] = max(last.get(user, moment), moment)
        had.add((user, item))
    pairs = {(event["user_id"], event["item_id"]) for event in read_rows(test)}
    pairs = {pair for pair in pairs if pair[1] in first and pair not in had}
    return sum(first[item] > last[user] for user, item in pairs) / len(pairs)


def best(product: Product, data: Dataset, train: pathlib.Path, test: pathlib.Path, found: dict[str, float],
         case: str) -> list[dict]:
    """The family or hybrid that is ahead on validation; what all have there and on test is shown."""
    quick = product.context.quick
    weights = ", ".join(f"{space} {weight}" for space, weight in data.hybrid.items())

    def hybrid() -> dict:
        bundle, seconds = product.train(f"{data.name}-hybrid", train, **data.blend(), **data.keys)
        ranking = product.ranking(bundle, test)
        found["hybrid"] = ranking.figure()
        return anchor(case.replace("best", "hybrid"), found["hybrid"], UNIT, COMMAND,
                      note=f"{weights}; trained in {seconds:.0f} s; {ranking.text()}")

    result = guarded(case.replace("best", "hybrid"), COMMAND, hybrid)
    fit, valid = data.validation(product, train)
    ahead: dict[str, float] = {}
    for name in ("als", "item_cosine", "item2vec", "traits", "hybrid"):
        if name in found:
            recipe = data.blend() if name == "hybrid" else data.space(name)
            bundle, _ = product.train(f"{data.name}-valid-{name}", fit, **recipe, **data.keys)
            ahead[name] = product.ranking(bundle, valid).figure()
    if not ahead:
        raise BenchError("no family could be trained")
    winner = max(ahead, key=ahead.get)
    chosen = f"{winner}, chosen on validation: " + ", ".join(
        f"{name} {ahead[name]:.4f} there and {found[name]:.4f} on test" for name in ahead)
    result.append(anchor(case, found[winner], UNIT, COMMAND, least=data.least.get("best"), note=chosen, quick=quick))
    return result


def one_cut(product: Product, data: Dataset, case_name) -> list[dict]:
    train, test = product.split(f"{data.name}-one-cut", [data.path], *data.flags, *GLOBAL_CUT)
    popular, _ = product.train(f"{data.name}-one-cut-popular", train, {"popular": {}}, **data.keys)
    recent, _ = product.train(f"{data.name}-one-cut-recent", train, {"popular": {"decay_days": 14}}, **data.keys)
    base = product.ranking(popular, test).figure()
    lately = product.ranking(recent, test).figure()
    result = [beside(case_name("one_cut/popular_lately"), lately, UNIT, COMMAND, "popularity", base, bar=None,
                     note="the family popular with decay_days 14, not tuned")]

    def one(name: str, recipe: dict) -> dict:
        bundle, _ = product.train(f"{data.name}-one-cut-{name}", train, **recipe, **data.keys)
        ranking = product.ranking(bundle, test)
        sources = ranking.evaluation["rankings"][0].get("sources", {})
        return beside(case_name(f"one_cut/{name}"), ranking.figure(), UNIT, COMMAND, "popularity", base, bar=None,
                      note=f"one cut for all users at the 0.8 quantile of the times; {ranking.text()}, answered by "
                           + ", ".join(f"{count} {source}" for source, count in sources.items()))
    for name in ("als", "item2vec", "traits"):
        result += guarded(case_name(f"one_cut/{name}"), COMMAND, lambda: one(name, data.space(name)))
    result += guarded(case_name("one_cut/hybrid"), COMMAND, lambda: one("hybrid", data.blend()))
    return result
