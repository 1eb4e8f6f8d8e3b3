"""Every family's bundle is served, and `kindred evaluate` gives the same figures of the server as of the file.

On the grocery sample of the repository. Users are asked for by id and, again, by their events as anonymous sessions.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from datasets import CUT  # noqa: E402
from product import REPO, Context, Product, beside, command_of, guarded  # noqa: E402

from child_server import Server  # noqa: E402

COMMAND = command_of("served")
SAMPLE = REPO / "tests" / "data" / "completejourney"
USERS = 200
SMALL = {"factors": 16}
RECIPES: dict[str, dict[str, Any]] = {
    "svd": {"spaces": {"svd": SMALL}},
    "nmf": {"spaces": {"nmf": SMALL}},
    "als": {"spaces": {"als": {**SMALL, "half_life_days": 14}}},
    "mf": {"spaces": {"mf": SMALL}},
    "item2vec": {"spaces": {"item2vec": {**SMALL, "epochs": 2}}},
    "traits": {"spaces": {"traits": {}}},
    "content": {"spaces": {"content": {"dims": 16}}},
    "popular": {"spaces": {"popular": {}}},
    "item_cosine": {"spaces": {"item_cosine": {}}},
    "hybrid": {"spaces": {"als": SMALL, "item2vec": {**SMALL, "epochs": 2}}, "blend": {"als": 1, "item2vec": 0.5}},
}


def rows(context: Context) -> list[dict]:
    product = Product(context)
    train, test = product.split("sample", [SAMPLE / "transactions.csv.gz"], "--user-column", "household_id",
                                "--item-column", "product_id", "--value-column", "none", *CUT)
    result = []
    for family, recipe in RECIPES.items():
        result += guarded(f"served/{family}", COMMAND, lambda: measure(product, family, recipe, train, test))
    return result


def measure(product: Product, family: str, recipe: dict[str, Any], train: pathlib.Path, test: pathlib.Path) -> dict:
    context = product.context
    bundle, seconds = product.train(family, train, **recipe, items=str(SAMPLE / "products.csv.gz"),
                                    item_id_column="product_id", item_name_column="name",
                                    category_columns=["department", "product_category"], min_item_users=10)
    models = context.work_dir / family
    served = models / family / "1" / "bundle.safetensors"
    served.parent.mkdir(parents=True)
    bundle.rename(served)
    config = context.work_dir / f"{family}-server.yaml"
    config.write_text("logging: {level: warn}\n", encoding="utf-8")
    server = [context.binary("kindred-server"), "--config", config, "--models", models, "--listen", "127.0.0.1:0",
              "--admin", "127.0.0.1:0", "--admin-grpc", "127.0.0.1:0", "--items", context.work_dir / (family + "-items"),
              "--model-state", context.work_dir / (family + "-model-state"),
              "--profiles", f"embedded:{context.work_dir / (family + '-profiles')}"]
    equal = total = 0
    differing = []
    with Server([str(word) for word in server], context.work_dir / f"{family}-server.log") as address:
        for subject in ("user", "events"):
            asked = ("--test", test, "--train", train, "--subject", subject, "--values", "off", "-k", "5,10",
                     "--sample-users", USERS, "--json", "--quiet")
            offline, online = ({name: figure for name, figure in figures(product, asked, where)}
                               for where in (("--bundle", served), ("--server", address, "--model", family)))
            for name in offline.keys() | online.keys():
                total += 1
                if offline.get(name) == online.get(name):
                    equal += 1
                else:
                    differing.append(f"{subject} {name}: {offline.get(name)} offline, {online.get(name)} served")
    if differing:
        print("\n".join(differing), file=sys.stderr, flush=True)
    note = (f"figures of two kinds of question (by user, by events), {USERS} users of the grocery sample, trained in "
            f"{seconds:.0f} s" + (f"; the first that differs: {differing[0]}" if differing else ""))
    return beside(f"served/{family}", equal, "equal figures", COMMAND, "figures there are", total, note=note)


def figures(product: Product, asked: tuple, where: tuple) -> list[tuple[str, float]]:
    """Every number of the model's ranking and of those beside it, by a name that says which."""
    import json

    evaluation = json.loads(product.run("evaluate", *where, *asked))
    out: list[tuple[str, float]] = [(name, evaluation[name]) for name in ("scored_users", "relevant_items")]
    for ranker in evaluation["rankings"]:
        out += [(f"{ranker['name']} source {name}", count) for name, count in ranker.get("sources", {}).items()]
        for at in ranker["at"]:
            out += [(f"{ranker['name']} {name}@{at['k']}", value) for name, value in at.items()
                    if isinstance(value, (int, float)) and name != "k"]
    return out
