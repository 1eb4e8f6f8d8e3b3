"""FAISS IndexFlatIP: exact inner-product top-10, one query at a time on one thread, called from Python as its users do.

Usage: peer_faiss.py N DIM ITEMS_FILE QUERIES_FILE SECONDS [ANSWERS_FILE]
Prints a line of JSON: {"version", "simd", "p50_us", "mean_us", "searches"}. ANSWERS_FILE gets a line for every query:
its ten items with their scores.
"""

import json
import pathlib
import sys

import faiss
import numpy
from timing import time_queries, write_answers

RESULTS = 10


def simd_level() -> str:
    """What the loaded FAISS computes with; an error when the machine has AVX-512 and FAISS does not use it."""
    if hasattr(faiss, "SIMDConfig"):  # since 1.13: one library that chooses at run time
        level = faiss.SIMDConfig.get_level_name()
    else:
        loaded = [name.rpartition("swigfaiss")[2].lstrip("_") for name in sys.modules if "swigfaiss" in name]
        level = max(loaded, key=len).upper() or "NONE"
    has_avx512 = " avx512f" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if has_avx512 and not level.startswith("AVX512"):
        sys.exit(f"peer_faiss: FAISS {faiss.__version__} runs {level} on a machine with AVX-512; "
                 "expected its AVX-512 path")
    return level


def main() -> None:
    n, dim = (int(arg) for arg in sys.argv[1:3])
    items_file, queries_file = sys.argv[3:5]
    seconds = float(sys.argv[5])
    items = numpy.fromfile(items_file, "<f4").reshape(n, dim)
    queries = numpy.fromfile(queries_file, "<f4").reshape(-1, dim)
    simd = simd_level()
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(dim)
    index.add(items)
    del items

    if len(sys.argv) > 6:
        found = (index.search(queries[i:i + 1], RESULTS) for i in range(len(queries)))
        write_answers(sys.argv[6], ((ids[0], scores[0]) for scores, ids in found))
    figures = time_queries(lambda i: index.search(queries[i:i + 1], RESULTS), len(queries), seconds)
    print(json.dumps({"version": f"faiss-cpu {faiss.__version__}", "simd": simd, **figures}))


if __name__ == "__main__":
    main()
