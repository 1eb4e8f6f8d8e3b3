#!/usr/bin/env python3
"""Writes reference.json: what SciPy and scikit-learn make of the sample, for the trainer's tests to be held against.

    python3 -m venv venv && venv/bin/pip install numpy scipy scikit-learn
    venv/bin/python make_reference.py

The matrix is ln(1 + summed quantity) of each household and product, [731 × 12515].
"""

import csv
import gzip
import json
import pathlib
import warnings

import numpy as np
import scipy
import scipy.sparse
import scipy.sparse.linalg
import sklearn
from sklearn.decomposition import NMF

HERE = pathlib.Path(__file__).parent
FACTORS = 50
NMF_FACTORS = 20
NMF_ITERATIONS = 50
ALPHA = 1.0


def interactions():
    sums = {}
    with gzip.open(HERE / "transactions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = (row["household_id"], row["product_id"])
            sums[key] = sums.get(key, 0) + float(row["quantity"])
    users = {user: i for i, user in enumerate(dict.fromkeys(user for user, _ in sums))}
    items = {item: i for i, item in enumerate(dict.fromkeys(item for _, item in sums))}
    rows = [users[user] for user, _ in sums]
    cols = [items[item] for _, item in sums]
    return scipy.sparse.csr_matrix((np.log1p(list(sums.values())), (rows, cols)), shape=(len(users), len(items)))


def factorize(matrix, init, alpha):
    """scikit-learn's solver "cd" for exactly NMF_ITERATIONS iterations; (error, objective) in our scaling."""
    model = NMF(NMF_FACTORS, init=init, solver="cd", max_iter=NMF_ITERATIONS, tol=0, random_state=42,
                alpha_W=alpha / matrix.shape[1], alpha_H=alpha / matrix.shape[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge is meant
        w = model.fit_transform(matrix)
    h = model.components_
    squared = float(matrix.power(2).sum() - 2 * np.sum((matrix @ h.T) * w) + np.sum((w.T @ w) * (h @ h.T)))
    return {"error": squared**0.5, "objective": squared + alpha * float((w**2).sum() + (h**2).sum())}


def main():
    matrix = interactions()
    values = scipy.sparse.linalg.svds(matrix, k=FACTORS, solver="arpack", tol=0, return_singular_vectors=False)
    out = {
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "shape": list(matrix.shape),
        "interactions": matrix.nnz,
        "norm": float(scipy.sparse.linalg.norm(matrix)),
        "singular_values": sorted(map(float, values), reverse=True),
        "nmf": {
            "factors": NMF_FACTORS,
            "iterations": NMF_ITERATIONS,
            "default": factorize(matrix, None, 0.0),
            "nndsvd": factorize(matrix, "nndsvd", 0.0),
            "nndsvda": factorize(matrix, "nndsvda", 0.0),
            "random": factorize(matrix, "random", 0.0),
            "alpha": ALPHA,
            "regularized": factorize(matrix, None, ALPHA),
        },
    }
    (HERE / "reference.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(out["nmf"], indent=1))


if __name__ == "__main__":
    main()
