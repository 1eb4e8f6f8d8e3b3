"""Item2vec beside gensim on 2 threads: tokens/s, at equal Recall@10 of the next item, same sequences, same options.

The sequences are those of the grocery sample in the repository or, where the data folder beside it has them, the Online
Retail sessions, on which the bars hold: the sample is too small to tell two trainers apart.
"""

from __future__ import annotations

import csv
import gzip
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import Context, row  # noqa: E402

ROOT = HERE.parents[2]
SESSIONS = ROOT.parent / "shared" / "data" / "online-retail" / "sessions.txt.gz"
SAMPLE = ROOT / "tests" / "data" / "completejourney" / "transactions.csv.gz"
FACTORS, WINDOW, NEGATIVES, EXPONENT, EPOCHS, THREADS = 64, 5, 5, 0.75, 10, 2
LEAST_SPEEDUP = 2.0
# Recall may be lower by this share: what the seed alone changes.
LEAST_RECALL = 0.98
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only item2vec"


def sequences() -> tuple[str, list[list[str]]]:
    if SESSIONS.is_file():
        with gzip.open(SESSIONS, "rt", encoding="utf-8") as file:
            return "online_retail", [line.split() for line in file if line.strip()]
    print(f"item2vec: {SESSIONS} is not here; measuring on the sample, where the bars are not held", file=sys.stderr)
    by_user: dict[str, list[tuple[str, str]]] = {}
    with gzip.open(SAMPLE, "rt", encoding="utf-8", newline="") as file:
        for entry in csv.DictReader(file):
            by_user.setdefault(entry["household_id"], []).append((entry["timestamp"], entry["product_id"]))
    return "sample", [[item for _, item in sorted(events, key=lambda e: e[0])] for events in by_user.values()]


def rows(context: Context) -> list[dict]:
    name, all_sequences = sequences()
    train, pairs = context.work_dir / "train.txt", context.work_dir / "pairs.txt"
    vectors = context.work_dir / "vectors.txt"
    long_enough = [sequence for sequence in all_sequences if len(sequence) > 1]
    train.write_text("".join(" ".join(sequence[:-1]) + "\n" for sequence in long_enough), encoding="utf-8")
    pairs.write_text("".join(" ".join(sequence[-2:]) + "\n" for sequence in long_enough), encoding="utf-8")
    epochs = 1 if context.quick else EPOCHS
    recalls: dict[str, list[float]] = {"ours": [], "gensim": []}
    version = ""

    def ours(number: int) -> float:
        result = context.google_benchmark(
            "bench_item2vec", "--sequences", train, "--factors", FACTORS, "--window", WINDOW, "--negatives", NEGATIVES,
            "--exponent", EXPONENT, "--epochs", epochs, "--threads", THREADS, "--seed", number + 1, "--vectors",
            vectors)
        recalls["ours"].append(context.peer(HERE / "quality.py", vectors, pairs)["recall_at_10"])
        return next(iter(result.values()))["tokens_per_s"]

    def gensim(number: int) -> float:
        nonlocal version
        result = context.peer(HERE / "peer_gensim.py", train, pairs, FACTORS, WINDOW, NEGATIVES, EXPONENT, epochs,
                              THREADS, number + 1)
        recalls["gensim"].append(result["recall_at_10"])
        version = result["version"]
        return result["tokens_per_s"]

    speed = context.interleave({"ours": ours, "gensim": gensim})
    held = name == "online_retail" and not context.quick
    setting = (f"d = {FACTORS}, window {WINDOW}, {NEGATIVES} negatives, {epochs} epochs, {THREADS} threads, "
               f"{context.rounds} rounds")
    peer = f"gensim {version} Word2Vec"
    return [
        row(f"item2vec/{name}/speed", speed["ours"] / 1e6, "M tokens/s", COMMAND, peer=peer,
            peer_figure=speed["gensim"] / 1e6, bar=LEAST_SPEEDUP if held else None, higher_is_better=True,
            note=setting),
        row(f"item2vec/{name}/recall_at_10", statistics.mean(recalls["ours"]), "Recall@10", COMMAND, peer=peer,
            peer_figure=statistics.mean(recalls["gensim"]), bar=LEAST_RECALL if held else None, higher_is_better=True,
            note=f"next item by cosine, mean over the rounds' seeds; {setting}"),
    ]
