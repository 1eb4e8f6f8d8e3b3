"""How the Python peers of this folder are timed, and how their answers are kept."""

import time
from collections.abc import Callable, Iterable

import numpy

LEAST_SEARCHES = 64


def time_queries(search: Callable[[int], object], queries: int, seconds: float) -> dict:
    """Goes round the queries one at a time, for `seconds` and at least LEAST_SEARCHES; median and mean of one."""
    for i in range(3):
        search(i % queries)
    taken = []
    end = time.perf_counter() + seconds
    while len(taken) < LEAST_SEARCHES or time.perf_counter() < end:
        start = time.perf_counter_ns()
        search(len(taken) % queries)
        taken.append((time.perf_counter_ns() - start) / 1000)
    return {"p50_us": float(numpy.median(taken)), "mean_us": float(numpy.mean(taken)), "searches": len(taken)}


def write_answers(path: str, answers: Iterable[tuple[Iterable, Iterable]]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for items, scores in answers:
            file.write(" ".join(f"{int(item)} {float(score):.9g}" for item, score in zip(items, scores)) + "\n")
