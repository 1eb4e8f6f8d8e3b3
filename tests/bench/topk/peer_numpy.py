"""NumPy: a matrix-vector product and argpartition, what one writes without a library. One thread.

Usage: peer_numpy.py N DIM ITEMS_FILE QUERIES_FILE SECONDS [ANSWERS_FILE]
Prints a line of JSON: {"version", "p50_us", "mean_us", "searches"}.
"""

import json
import sys

import numpy
from timing import time_queries, write_answers

RESULTS = 10


def main() -> None:
    n, dim = (int(arg) for arg in sys.argv[1:3])
    items_file, queries_file = sys.argv[3:5]
    seconds = float(sys.argv[5])
    items = numpy.fromfile(items_file, "<f4").reshape(n, dim)
    queries = numpy.fromfile(queries_file, "<f4").reshape(-1, dim)

    def search(i: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        scores = items @ queries[i]
        best = numpy.argpartition(scores, -RESULTS)[-RESULTS:]
        best = best[numpy.argsort(-scores[best], kind="stable")]
        return best, scores[best]

    if len(sys.argv) > 6:
        write_answers(sys.argv[6], (search(i) for i in range(len(queries))))
    figures = time_queries(search, len(queries), seconds)
    print(json.dumps({"version": f"NumPy {numpy.__version__}", **figures}))


if __name__ == "__main__":
    main()
