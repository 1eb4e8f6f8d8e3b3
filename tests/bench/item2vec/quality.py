"""Next item by cosine: whether the target is among the ten items nearest to the query, the query itself left out.

As a script: quality.py VECTORS PAIRS, vectors in word2vec's text format; prints a line of JSON {"recall_at_10"}.
"""

import json
import sys

import numpy


def recall_at_10(ids: list[str], vectors: numpy.ndarray, pairs_path: str) -> float:
    """pairs: one "query target" a line; a pair with an item that has no vector counts as missed."""
    row = {item: i for i, item in enumerate(ids)}
    unit = vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    hits = total = 0
    for line in open(pairs_path, encoding="utf-8"):
        query, target = line.split()
        total += 1
        if query not in row or target not in row or query == target:
            continue
        scores = unit @ unit[row[query]]
        better = numpy.count_nonzero(scores > scores[row[target]]) - 1  # less the query
        hits += better < 10
    return hits / total


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        next(file)
        rows = [line.split() for line in file]
    vectors = numpy.array([row[1:] for row in rows], dtype=numpy.float32)
    print(json.dumps({"recall_at_10": recall_at_10([row[0] for row in rows], vectors, sys.argv[2])}))


if __name__ == "__main__":
    main()
