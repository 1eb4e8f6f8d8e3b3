"""The matrix that ours and the peers factorize, as SciPy holds it: ln(1 + value) of the grocery sample, or of a file."""

import pathlib
import sys

import numpy

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "completejourney"
sys.path.insert(0, str(DATA))

import zipf  # noqa: E402
from make_reference import interactions  # noqa: E402


def matrix_of(arguments: list[str]):
    """The matrix in the file that the arguments name, or the sample when they name none."""
    if not arguments:
        return interactions()
    matrix = zipf.read(pathlib.Path(arguments[0])).astype(numpy.float64)
    matrix.data = numpy.log1p(matrix.data)
    return matrix


def reconstruction_error(matrix, users: numpy.ndarray, components: numpy.ndarray) -> float:
    """‖R − W H‖_F without forming W H."""
    cross = float(numpy.sum((matrix @ components.T) * users))
    square = float(numpy.sum((users.T @ users) * (components @ components.T)))
    return max(0.0, float(matrix.power(2).sum()) - 2 * cross + square) ** 0.5
