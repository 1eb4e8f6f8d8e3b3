"""scikit-learn's TruncatedSVD (randomized, its default) and NMF (solver "cd", its default start) of a matrix.

Usage: peer_sklearn.py svd FACTORS [FILE of zipf.py] | nmf FACTORS ITERATIONS TOLERANCE [FILE]
Prints a line of JSON: {"version", "seconds", "error"}, and "singular_values" of the SVD or "iterations" of NMF. `error` is the Frobenius norm
of what the factors leave out.
"""

import json
import sys
import time
import warnings

import numpy
import sklearn
from sample import matrix_of, reconstruction_error
from sklearn.decomposition import NMF, TruncatedSVD


def main() -> None:
    family, factors = sys.argv[1], int(sys.argv[2])
    matrix = matrix_of(sys.argv[3 if family == "svd" else 5:])
    if family == "svd":
        model = TruncatedSVD(factors, random_state=42)
    else:
        model = NMF(factors, max_iter=int(sys.argv[3]), tol=float(sys.argv[4]), random_state=42)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NMF says that it did not converge, which is meant
        start = time.perf_counter()
        users = model.fit_transform(matrix)
        seconds = time.perf_counter() - start
    out = {"version": sklearn.__version__, "seconds": seconds,
           "error": reconstruction_error(matrix, users, model.components_)}
    if family == "svd":
        out["singular_values"] = numpy.sort(model.singular_values_)[::-1].tolist()
    else:
        out["iterations"] = model.n_iter_
    print(json.dumps(out))


if __name__ == "__main__":
    main()
