"""scipy.optimize.nnls on the problems of data.py, one target at a time, called from Python as its users do.

Usage: peer_scipy.py K D BASIS_FILE TARGETS_FILE RESIDUALS_FILE
Prints a line of JSON: {"version", "p50_us", "mean_us"}; RESIDUALS_FILE gets the residual norm of every target.
"""

import json
import sys
import time

import numpy
import scipy
from scipy.optimize import nnls


def main() -> None:
    k, d = (int(arg) for arg in sys.argv[1:3])
    basis_file, targets_file, residuals_file = sys.argv[3:6]
    # scipy wants the basis as columns; contiguous as it likes it, and made once.
    columns = numpy.ascontiguousarray(numpy.fromfile(basis_file, "<f8").reshape(k, d).T)
    targets = numpy.fromfile(targets_file, "<f8").reshape(-1, d)
    with open(residuals_file, "w") as file:
        for target in targets:
            file.write(f"{nnls(columns, target)[1]!r}\n")

    seconds = []
    for _ in range(max(1, 4000 // len(targets))):
        for target in targets:
            start = time.perf_counter_ns()
            nnls(columns, target)
            seconds.append((time.perf_counter_ns() - start) * 1e-9)
    print(json.dumps({
        "version": scipy.__version__,
        "p50_us": float(numpy.median(seconds)) * 1e6,
        "mean_us": float(numpy.mean(seconds)) * 1e6,
    }))


if __name__ == "__main__":
    main()
