"""scipy.sparse.linalg.svds (ARPACK) of a matrix: the singular values that ours are held against.

Usage: peer_scipy.py FACTORS [FILE of zipf.py]
Prints a line of JSON: {"version", "seconds", "singular_values"}.
"""

import json
import sys
import time

import scipy
from sample import matrix_of
from scipy.sparse.linalg import svds


def main() -> None:
    matrix = matrix_of(sys.argv[2:])
    start = time.perf_counter()
    _, values, _ = svds(matrix, k=int(sys.argv[1]), solver="arpack", tol=0)
    seconds = time.perf_counter() - start
    print(json.dumps({"version": scipy.__version__, "seconds": seconds,
                      "singular_values": sorted(map(float, values), reverse=True)}))


if __name__ == "__main__":
    main()
