"""gensim's Word2Vec (skip-gram, negative sampling) of the sequences that ours is trained on.

Usage: peer_gensim.py TRAIN PAIRS FACTORS WINDOW NEGATIVES EXPONENT EPOCHS THREADS SEED
Prints a line of JSON: {"version", "seconds" (training alone), "tokens_per_s", "recall_at_10"}.
"""

import json
import sys
import time

import gensim
from quality import recall_at_10


def main() -> None:
    train, pairs = sys.argv[1:3]
    factors, window, negatives, exponent, epochs, threads, seed = map(float, sys.argv[3:10])
    sequences = [line.split() for line in open(train, encoding="utf-8")]
    model = gensim.models.Word2Vec(vector_size=int(factors), window=int(window), negative=int(negatives),
                                   ns_exponent=exponent, sg=1, sample=0, min_count=1, workers=int(threads),
                                   seed=int(seed))
    model.build_vocab(sequences)
    start = time.perf_counter()
    model.train(sequences, total_examples=model.corpus_count, epochs=int(epochs))
    seconds = time.perf_counter() - start
    tokens = int(epochs) * sum(map(len, sequences))
    print(json.dumps({"version": gensim.__version__, "seconds": seconds, "tokens_per_s": tokens / seconds,
                      "recall_at_10": recall_at_10(model.wv.index_to_key, model.wv.vectors, pairs)}))


if __name__ == "__main__":
    main()
