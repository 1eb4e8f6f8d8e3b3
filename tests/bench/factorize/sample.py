"""The matrix that ours and the peers factorize: ln(1 + summed quantity) of the grocery sample, as SciPy holds it."""

import pathlib
import sys

import numpy

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "completejourney"
sys.path.insert(0, str(DATA))

from make_reference import interactions  # noqa: E402, F401


def reconstruction_error(matrix, users: numpy.ndarray, components: numpy.ndarray) -> float:
    """‖R − W H‖_F without forming W H."""
    cross = float(numpy.sum((matrix @ components.T) * users))
    square = float(numpy.sum((users.T @ users) * (components @ components.T)))
    return max(0.0, float(matrix.power(2).sum()) - 2 * cross + square) ** 0.5
