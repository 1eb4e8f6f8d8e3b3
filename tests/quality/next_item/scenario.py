"""The next item of Online Retail's sequences by item2vec, beside counting: Recall@10.

Training: each sequence less its last item; query: the item before the last, as an anonymous session of one event;
target: the last. The query is left out of the list. Every pair counts, also those whose target is the query itself or an
item that training does not have: they are missed.
"""

from __future__ import annotations

import gzip
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from product import SHARED, Context, Product, anchor, beside, command_of, guarded, row, skipped, write_rows  # noqa: E402

COMMAND = command_of("next_item")
SESSIONS = SHARED / "online-retail" / "sessions.txt.gz"
RECIPE = {"family": "item2vec", "factors": 64, "window": 3, "negatives": 10, "epochs": 10, "subsample": 1e-4,
          "sessions": "user", "prior_weight": 0}
LEAST = 0.22
CASE = "next_item/online_retail/item2vec"
UNIT = "Recall@10"


def rows(context: Context) -> list[dict]:
    if not SESSIONS.is_file():
        return skipped([CASE], COMMAND, SESSIONS)
    with gzip.open(SESSIONS, "rt", encoding="utf-8") as file:
        sequences = [line.split() for line in file]
    sequences = [sequence for sequence in sequences if len(sequence) > 1]
    folder = context.work_dir
    (folder / "train.txt").write_text("".join(" ".join(s[:-1]) + "\n" for s in sequences), encoding="utf-8")
    (folder / "pairs.txt").write_text("".join(" ".join(s[-2:]) + "\n" for s in sequences), encoding="utf-8")
    counts = context.peer(HERE / "peer_counts.py", folder / "train.txt", folder / "pairs.txt")
    result = guarded(CASE, COMMAND, lambda: ours(context, sequences, counts))
    result.append(row("next_item/online_retail/popularity", counts["popularity"], UNIT, COMMAND))
    return result


def ours(context: Context, sequences: list[list[str]], counts: dict) -> list[dict]:
    product, folder = Product(context), context.work_dir

    def write(name: str, part: slice) -> pathlib.Path:
        return write_rows(folder / name, [{"user_id": f"s{number}", "item_id": item}
                                          for number, sequence in enumerate(sequences) for item in sequence[part]])

    train, query, target = (write("train.csv.gz", slice(None, -1)), write("query.csv.gz", slice(-2, -1)),
                            write("target.csv.gz", slice(-1, None)))
    bundle, seconds = product.train("next-item", train, {"item2vec": RECIPE})
    ranking = product.ranking(bundle, target, "--subject", "events", "--train", query)
    hits = ranking.figure("recall") * ranking.scored_users
    pairs = len(sequences) if not context.quick else ranking.evaluation["sampled_users"]
    settings = ", ".join(f"{key} {value}" for key, value in RECIPE.items() if key != "family")
    note = (f"{settings}; trained in {seconds:.0f} s; {len(sequences):,} pairs, {ranking.scored_users:,} of them with a "
            f"target that is known and not the query, where it is {ranking.figure('recall'):.4f}")
    recall = hits / pairs
    return [
        anchor(CASE, recall, UNIT, COMMAND, least=LEAST, note=note, quick=context.quick),
        beside(f"{CASE}/cosine", recall, UNIT, COMMAND, "cosine of co-occurrence", counts["cosine_cooccurrence"], bar=None,
               note="where nothing but the next item is wanted, counting pairs is still ahead"
               if counts["cosine_cooccurrence"] > recall else None),
        beside(f"{CASE}/bigram", recall, UNIT, COMMAND, "bigram", counts["bigram"], bar=None),
    ]
