"""Next item by counting: a bigram, and the cosine of co-occurrence; the baselines beside item2vec.

    peer_counts.py TRAIN PAIRS

TRAIN: one sequence a line. PAIRS: one "query target" a line. Prints a line of JSON {"bigram", "cosine_cooccurrence",
"popularity"}: the share of all pairs whose target is among the ten best, the query left out; a pair whose target is the
query, or is unknown, is missed.
"""

import collections
import json
import sys

import numpy
import scipy.sparse


def main() -> None:
    sequences = [line.split() for line in open(sys.argv[1], encoding="utf-8")]
    pairs = [line.split() for line in open(sys.argv[2], encoding="utf-8")]
    ids = {item: number for number, item in enumerate(sorted({item for sequence in sequences for item in sequence}))}
    following: dict[int, collections.Counter] = collections.defaultdict(collections.Counter)
    for sequence in sequences:
        for item, after in zip(sequence, sequence[1:]):
            following[ids[item]][ids[after]] += 1
    rows = [row for row, sequence in enumerate(sequences) for _ in set(sequence)]
    columns = [ids[item] for sequence in sequences for item in set(sequence)]
    touched = scipy.sparse.csc_matrix((numpy.ones(len(rows)), (rows, columns)), shape=(len(sequences), len(ids)))
    popularity = numpy.asarray(touched.sum(axis=0)).ravel()
    together = (touched.T @ touched).tocsr()

    hits = collections.Counter()
    for query, target in pairs:
        if query not in ids or target not in ids or query == target:
            continue
        q, t = ids[query], ids[target]
        common = together[q].toarray().ravel()
        bigram = numpy.zeros(len(ids))
        for item, count in following[q].items():
            bigram[item] = count
        # What was never seen together is ordered by popularity.
        tie = popularity / (popularity.max() + 1)
        for name, scores in (("bigram", bigram + tie), ("popularity", popularity.astype(float)),
                             ("cosine_cooccurrence", common / numpy.sqrt(popularity * popularity[q]) + 1e-9 * tie)):
            scores[q] = -numpy.inf
            hits[name] += int(numpy.count_nonzero(scores > scores[t]) < 10)
    print(json.dumps({name: hits[name] / len(pairs) for name in ("bigram", "cosine_cooccurrence", "popularity")}))


if __name__ == "__main__":
    main()
