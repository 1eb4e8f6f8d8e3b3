"""The large matrix that ours and the peers factorize: users and items drawn by Zipf's law, the same on every machine.

Usage: zipf.py USERS ITEMS INTERACTIONS TASTES FILE [HELD_OUT]
Writes a CSR matrix: int64 users, items, non-zeros; int64 offsets [users + 1]; uint32 item of each; float32 value of each
(how often that pair was drawn). With TASTES > 0 every user has one of so many tastes, and 7 of 10 of a user's draws go
through that taste's own order of the items; with 0 the matrix is popularity and noise. With HELD_OUT one pair in ten goes
to that file instead.
"""

import pathlib
import sys

import numpy
import scipy.sparse

SEED = 20261124
USER_EXPONENT, ITEM_EXPONENT = 0.6, 0.9


def zipf_weights(count: int, exponent: float) -> numpy.ndarray:
    weights = 1.0 / numpy.arange(1, count + 1) ** exponent
    return numpy.cumsum(weights / weights.sum())


def generate(users: int, items: int, interactions: int, tastes: int) -> scipy.sparse.csr_matrix:
    """Exactly `interactions` distinct pairs; values are 1 and more."""
    # The raw bits alone are the same in every version of NumPy, so everything is made of uniform numbers.
    random = numpy.random.Generator(numpy.random.PCG64(SEED))
    user_weights, item_weights = zipf_weights(users, USER_EXPONENT), zipf_weights(items, ITEM_EXPONENT)
    user_order = numpy.argsort(random.random(users))
    orders = numpy.argsort(random.random((tastes + 1, items)), axis=1)
    taste_of = (random.random(users) * tastes).astype(numpy.int64)
    counts: dict[str, numpy.ndarray] = {"key": numpy.empty(0, numpy.int64), "count": numpy.empty(0, numpy.int64)}
    while len(counts["key"]) < interactions:
        size = interactions // 4
        user = user_order[numpy.searchsorted(user_weights, random.random(size))]
        rank = numpy.searchsorted(item_weights, random.random(size))
        own = random.random(size) < 0.7
        order = numpy.where(own & (tastes > 0), taste_of[user] + 1, 0)
        key = numpy.concatenate([counts["key"], user * items + orders[order, rank]])
        count = numpy.concatenate([counts["count"], numpy.ones(size, numpy.int64)])
        counts["key"], where = numpy.unique(key, return_inverse=True)
        counts["count"] = numpy.bincount(where, weights=count).astype(numpy.int64)
    keep = numpy.sort(numpy.argsort(random.random(len(counts["key"])), kind="stable")[:interactions])
    key, value = counts["key"][keep], counts["count"][keep].astype(numpy.float32)
    matrix = scipy.sparse.csr_matrix((value, (key // items, key % items)), shape=(users, items))
    matrix.sort_indices()
    return matrix


def write(matrix: scipy.sparse.csr_matrix, path: pathlib.Path) -> None:
    with open(path, "wb") as file:
        numpy.array([*matrix.shape, matrix.nnz], numpy.int64).tofile(file)
        matrix.indptr.astype(numpy.int64).tofile(file)
        matrix.indices.astype(numpy.uint32).tofile(file)
        matrix.data.astype(numpy.float32).tofile(file)


def read(path: pathlib.Path) -> scipy.sparse.csr_matrix:
    with open(path, "rb") as file:
        users, items, nnz = numpy.fromfile(file, numpy.int64, 3)
        offsets = numpy.fromfile(file, numpy.int64, users + 1)
        columns = numpy.fromfile(file, numpy.uint32, nnz).astype(numpy.int32)
        values = numpy.fromfile(file, numpy.float32, nnz)
    return scipy.sparse.csr_matrix((values, columns, offsets), shape=(users, items))


def some(matrix: scipy.sparse.csr_matrix, keep: numpy.ndarray) -> scipy.sparse.csr_matrix:
    coo = matrix.tocoo()
    return scipy.sparse.csr_matrix((coo.data[keep], (coo.row[keep], coo.col[keep])), shape=matrix.shape)


def main() -> None:
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    users, items, interactions, tastes = map(int, sys.argv[1:5])
    matrix = generate(users, items, interactions, tastes)
    if len(sys.argv) == 7:
        held_out = numpy.random.Generator(numpy.random.PCG64(SEED + 1)).random(matrix.nnz) < 0.1
        write(some(matrix, held_out), pathlib.Path(sys.argv[6]))
        matrix = some(matrix, ~held_out)
    write(matrix, pathlib.Path(sys.argv[5]))


if __name__ == "__main__":
    main()
