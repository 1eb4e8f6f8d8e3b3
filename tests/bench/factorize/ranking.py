"""NDCG@10 of factors on held-out pairs: every item that the user did not train on is ranked by the product of vectors.

Usage: ranking.py TRAIN HELD_OUT USERS ITEMS FACTORS
Prints a line of JSON: {"ndcg", "users"}.
"""

import json
import pathlib
import sys

import numpy
import zipf

K = 10


def main() -> None:
    train, held_out = (zipf.read(pathlib.Path(path)) for path in sys.argv[1:3])
    users, items = (numpy.fromfile(path, numpy.float32).reshape(-1, int(sys.argv[5])) for path in sys.argv[3:5])
    discounts = 1 / numpy.log2(numpy.arange(K) + 2)
    gains = []
    for user in numpy.flatnonzero(numpy.diff(held_out.indptr)):
        scores = items @ users[user]
        scores[train[user].indices] = -numpy.inf
        top = numpy.argpartition(-scores, K)[:K]
        top = top[numpy.argsort(-scores[top], kind="stable")]
        relevant = held_out[user].indices
        gains.append(numpy.isin(top, relevant) @ discounts / discounts[:min(K, len(relevant))].sum())
    print(json.dumps({"ndcg": float(numpy.mean(gains)), "users": len(gains)}))


if __name__ == "__main__":
    main()
