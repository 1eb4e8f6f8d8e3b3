"""Writes the basis and the targets that Kindred and its peer solve for, as raw little-endian f64.

The basis and the targets are uniform in [0, 1), as the factors of non-negative data are: at the solution some half of
the weights are positive.

Usage: data.py K D TARGETS BASIS_FILE TARGETS_FILE
"""

import sys

import numpy

SEED = 20240229


def main() -> None:
    k, d, targets = (int(arg) for arg in sys.argv[1:4])
    basis_file, targets_file = sys.argv[4:6]
    rng = numpy.random.default_rng(SEED)
    rng.random((k, d)).astype("<f8").tofile(basis_file)
    rng.random((targets, d)).astype("<f8").tofile(targets_file)


if __name__ == "__main__":
    main()
