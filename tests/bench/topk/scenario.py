"""Exact top-10 of a single query on one thread, beside FAISS IndexFlatIP and NumPy, answers compared."""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import BenchError, Context, row  # noqa: E402

SHAPES = [(7_214, 100), (100_000, 64), (1_000_000, 64)]
QUERIES = 256
FAISS_BAR = 4.0
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only topk"

# A peer sums in another order, so near-ties may change places: its score at a rank may differ by this share of the
# best.
SCORE_TOLERANCE = 1e-5


def read_answers(path: pathlib.Path) -> list[list[tuple[int, float]]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[(int(item), float(score)) for item, score in zip(words[::2], words[1::2])]
            for words in (line.split() for line in lines)]


def compare_answers(ours: pathlib.Path, theirs: pathlib.Path) -> str | None:
    """None when the lists agree, rank by rank, but for near-ties; else where they do not."""
    our_lists, their_lists = read_answers(ours), read_answers(theirs)
    if len(our_lists) != len(their_lists):
        return f"{len(our_lists)} answers, the peer has {len(their_lists)}"
    for query, (our_list, their_list) in enumerate(zip(our_lists, their_lists)):
        if len(our_list) != len(their_list):
            return f"query {query}: {len(our_list)} items, the peer has {len(their_list)}"
        tolerance = SCORE_TOLERANCE * abs(our_list[0][1])
        for rank, ((item, score), (peer_item, peer_score)) in enumerate(zip(our_list, their_list)):
            if abs(score - peer_score) > tolerance:
                return (f"query {query}, rank {rank}: item {item} with score {score}, "
                        f"the peer has item {peer_item} with {peer_score}")
    return None


def measure_shape(context: Context, n: int, dim: int) -> list[dict]:
    shape = f"{n}x{dim}"
    items, queries = context.work_dir / f"items_{shape}", context.work_dir / f"queries_{shape}"
    context.run([context.python, HERE / "data.py", n, dim, QUERIES, items, queries])
    data = ["--items", items, "--queries", queries, "--shape", shape]
    answers = {name: context.work_dir / f"{name}_{shape}" for name in ("ours", "faiss", "numpy")}
    seconds = 0.2 if context.quick else 1.0
    said: dict[str, dict] = {}

    def ours(number: int) -> float:
        wanted = ["--answers", answers["ours"]] if number == 0 else []
        results = context.google_benchmark("bench_topk", *data, *wanted, "--kernels=best", min_time_s=seconds)
        (name, said["ours"]), = results.items()
        said["ours"]["kernels"] = name.split("/")[2]
        return said["ours"]["p50_us"]

    def peer(name: str, number: int) -> float:
        wanted = [answers[name]] if number == 0 else []
        said[name] = context.peer(HERE / f"peer_{name}.py", n, dim, items, queries, seconds, *wanted)
        return said[name]["p50_us"]

    figures = context.interleave({
        "ours": ours,
        "faiss": lambda number: peer("faiss", number),
        "numpy": lambda number: peer("numpy", number),
    })
    if len(read_answers(answers["ours"])) != QUERIES:
        raise BenchError(f"bench_topk answered {len(read_answers(answers['ours']))} queries, expected {QUERIES}")

    def result(name: str, title: str, bar: float | None) -> dict:
        difference = compare_answers(answers["ours"], answers[name])
        return row(
            f"topk/{shape}/{name}", figures["ours"], "µs", COMMAND, peer=title,
            peer_figure=figures[name], bar=bar, error=difference and f"answers differ: {difference}",
            note=f"median of single queries, {QUERIES} queries, 1 thread, k = 10, {context.rounds} rounds; kernels "
                 f"{said['ours']['kernels']}; {said['ours']['rescored']:.1f} items re-scored a query; answers compared")

    result_rows = [
        result("faiss", f"{said['faiss']['version']} IndexFlatIP ({said['faiss']['simd']})", FAISS_BAR),
        result("numpy", f"{said['numpy']['version']} matvec + argpartition", None),
    ]
    for path in (items, queries):
        path.unlink()
    return result_rows


def rows(context: Context) -> list[dict]:
    return [entry for n, dim in SHAPES for entry in measure_shape(context, n, dim)]
