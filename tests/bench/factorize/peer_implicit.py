"""implicit's AlternatingLeastSquares (conjugate gradient, 3 steps, its default) of a matrix.

Usage: peer_implicit.py TRAIN FACTORS ITERATIONS REGULARIZATION ALPHA SEED THREADS USERS ITEMS
TRAIN is a file of zipf.py; the confidence is 1 + ALPHA ln(1 + value). Writes the factors to USERS and ITEMS, float32, and
prints a line of JSON: {"version", "seconds"} with the median time of an iteration.
"""

import json
import pathlib
import statistics
import sys

import implicit
import numpy
import zipf
from threadpoolctl import threadpool_limits


def main() -> None:
    matrix = zipf.read(pathlib.Path(sys.argv[1]))
    factors, iterations, threads = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[7])
    # Its matrix holds the confidence itself.
    matrix.data = 1 + float(sys.argv[5]) * numpy.log1p(matrix.data)
    model = implicit.cpu.als.AlternatingLeastSquares(
        factors=factors, regularization=float(sys.argv[4]), alpha=1.0, iterations=iterations, num_threads=threads,
        random_state=int(sys.argv[6]))
    seconds: list[float] = []
    # As its own advice has it: the threads are those of the rows, not of BLAS.
    with threadpool_limits(1, "blas"):
        model.fit(matrix, show_progress=False, callback=lambda _, spent, *__: seconds.append(spent))
    model.user_factors.astype(numpy.float32).tofile(sys.argv[8])
    model.item_factors.astype(numpy.float32).tofile(sys.argv[9])
    print(json.dumps({"version": implicit.__version__, "seconds": statistics.median(seconds)}))


if __name__ == "__main__":
    main()
