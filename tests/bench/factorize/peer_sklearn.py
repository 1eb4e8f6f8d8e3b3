"""scikit-learn's TruncatedSVD (randomized, its default) and NMF (solver "cd", its default start) of the sample.

Usage: peer_sklearn.py svd FACTORS | nmf FACTORS ITERATIONS
Prints a line of JSON: {"version", "seconds", "error"}, and "singular_values" of the SVD. `error` is the Frobenius norm
of what the factors leave out.
"""

import json
import sys
import time
import warnings

import numpy
import sklearn
from sample import interactions, reconstruction_error
from sklearn.decomposition import NMF, TruncatedSVD


def main() -> None:
    matrix = interactions()
    family, factors = sys.argv[1], int(sys.argv[2])
    if family == "svd":
        model = TruncatedSVD(factors, random_state=42)
    else:
        model = NMF(factors, max_iter=int(sys.argv[3]), tol=0, random_state=42)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NMF says that it did not converge, which is meant
        start = time.perf_counter()
        users = model.fit_transform(matrix)
        seconds = time.perf_counter() - start
    out = {"version": sklearn.__version__, "seconds": seconds,
           "error": reconstruction_error(matrix, users, model.components_)}
    if family == "svd":
        out["singular_values"] = numpy.sort(model.singular_values_)[::-1].tolist()
    print(json.dumps(out))


if __name__ == "__main__":
    main()
