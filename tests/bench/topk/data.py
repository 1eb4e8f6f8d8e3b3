"""Writes the Gaussian catalogue and queries that Kindred and its peers search, as raw little-endian f32.

Usage: data.py ITEMS DIM QUERIES ITEMS_FILE QUERIES_FILE
"""

import sys

import numpy

SEED = 20240229


def main() -> None:
    items, dim, queries = (int(arg) for arg in sys.argv[1:4])
    items_file, queries_file = sys.argv[4:6]
    rng = numpy.random.default_rng(SEED)
    rng.standard_normal((items, dim), dtype=numpy.float32).astype("<f4").tofile(items_file)
    rng.standard_normal((queries, dim), dtype=numpy.float32).astype("<f4").tofile(queries_file)


if __name__ == "__main__":
    main()
