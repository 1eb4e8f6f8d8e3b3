"""Whether users who behave alike have profiles that are alike: similarity.py BUNDLE SPACE TEST PRODUCTS MIN_GROUP

The profiles are those of the bundle, from training events. The groups come from what the users did later (TEST): a user
belongs to the product category that they bought most beyond expectation, by standardized excess (n − e)/√e where e is
what they would have bought had they bought like everybody; at least 3 purchases. Groups below MIN_GROUP users are left
out. Prints a line of JSON: "auc", the chance that a pair of one group is more alike (cosine of profiles) than a pair of
two; "within" and "between", the mean cosines; "groups", "own_ahead": in how many the members are nearer to one another
than to others; "users".
"""

import csv
import gzip
import json
import sys

import numpy
import pandas
from safetensors import safe_open


def groups_of(test_path: str, products_path: str, users: list[str], min_group: int) -> dict[str, list[int]]:
    products = pandas.read_parquet(products_path, columns=["product_id", "product_category"]).dropna()
    category = dict(zip(products.product_id.astype(str), products.product_category))
    row = {user: number for number, user in enumerate(users)}
    with gzip.open(test_path, "rt", encoding="utf-8", newline="") as file:
        bought = [(row[event["user_id"]], category[event["item_id"]]) for event in csv.DictReader(file)
                  if event["user_id"] in row and event["item_id"] in category]
    table = pandas.DataFrame(bought, columns=["user", "category"])
    counts = table.groupby(["user", "category"]).size().unstack(fill_value=0)
    n = counts.to_numpy(dtype=float)
    expected = n.sum(axis=1, keepdims=True) * n.sum(axis=0) / n.sum()
    excess = numpy.where(n >= 3, (n - expected) / numpy.sqrt(expected), -numpy.inf)
    best = excess.argmax(axis=1)
    out: dict[str, list[int]] = {}
    for place, user in enumerate(counts.index):
        if numpy.isfinite(excess[place, best[place]]):
            out.setdefault(str(counts.columns[best[place]]), []).append(user)
    return {name: members for name, members in out.items() if len(members) >= min_group}


def main() -> None:
    bundle, space, test, products, min_group = *sys.argv[1:5], int(sys.argv[5])
    with safe_open(bundle, framework="np") as file:
        names = file.keys()
        tensor = f"space.{space}.users"
        if tensor not in names:
            raise SystemExit(f"{bundle} has no tensor {tensor}: no profiles of users in it")
        vectors = file.get_tensor(tensor).astype(numpy.float64)
        text, offsets = file.get_tensor("users.ids.bytes").tobytes(), file.get_tensor("users.ids.offsets")
    users = [text[a:b].decode() for a, b in zip(offsets, offsets[1:])]
    groups = groups_of(test, products, users, min_group)
    members = numpy.concatenate([numpy.array(rows) for rows in groups.values()])
    label = numpy.concatenate([numpy.full(len(rows), number) for number, rows in enumerate(groups.values())])
    unit = vectors[members]
    unit /= numpy.maximum(numpy.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    alike = unit @ unit.T
    same = label[:, None] == label[None, :]
    upper = numpy.triu(numpy.ones_like(same), 1)
    inside, outside = alike[same & upper], alike[~same & upper]
    ranks = numpy.searchsorted(numpy.sort(outside), inside, side="left") + numpy.searchsorted(
        numpy.sort(outside), inside, side="right")
    ahead = 0
    for number in range(len(groups)):
        mine = label == number
        block = alike[numpy.ix_(mine, mine)]
        within = (block.sum() - numpy.trace(block)) / (mine.sum() * (mine.sum() - 1))
        ahead += int(within > alike[numpy.ix_(mine, ~mine)].mean())
    print(json.dumps({"auc": float(ranks.mean() / 2 / len(outside)), "within": float(inside.mean()),
                      "between": float(outside.mean()), "groups": len(groups), "own_ahead": ahead,
                      "users": len(members), "largest": sorted(groups, key=lambda name: -len(groups[name]))[:5]}))


if __name__ == "__main__":
    main()
