"""scikit-surprise's SVD and NMF at their defaults: peer_surprise.py TRAIN TEST LOW HIGH

Files of user_id,item_id,rating (CSV, gzip). Prints a line of JSON {"version", "svd", "nmf", seconds of each}: RMSE.
"""

import csv
import gzip
import json
import random
import sys
import time

import numpy
import surprise


def read(path: str) -> list[tuple[str, str, float]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [(entry["user_id"], entry["item_id"], float(entry["rating"])) for entry in csv.DictReader(file)]


def main() -> None:
    low, high = float(sys.argv[3]), float(sys.argv[4])
    rows, test = read(sys.argv[1]), read(sys.argv[2])
    train = surprise.Dataset(surprise.Reader(rating_scale=(low, high))).construct_trainset(
        [(user, item, value, None) for user, item, value in rows])
    out: dict[str, object] = {"version": surprise.__version__}
    for name, algorithm in (("svd", surprise.SVD), ("nmf", surprise.NMF)):
        random.seed(42)
        numpy.random.seed(42)
        start = time.monotonic()
        model = algorithm(random_state=42).fit(train)
        out[f"{name}_seconds"] = time.monotonic() - start
        out[name] = surprise.accuracy.rmse(model.test(test), verbose=False)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
