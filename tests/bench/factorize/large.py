"""10,000 users x 50,000 items x 1,000,000 interactions (zipf.py), two threads each: time at equal quality."""

from __future__ import annotations

import pathlib
import statistics

from context import BenchError, Context, row

HERE = pathlib.Path(__file__).resolve().parent
USERS, ITEMS, INTERACTIONS = 10_000, 50_000, 1_000_000
THREADS, ROUNDS = 2, 3
# A seed alone moves NDCG by 1 %, so it is the mean over one seed a round; after ten iterations neither has arrived, and
# seeds differ by twice that.
ALS_ROUNDS = 6
FACTORS, NMF_ITERATIONS, NMF_TOLERANCE = 50, 200, 1e-4
TASTES, ALS_FACTORS, ALS_ITERATIONS, ALS_REGULARIZATION, ALS_ALPHA = 64, 64, 20, 1.0, 4.0
LEAST_NMF, LEAST_SVD, LEAST_ALS = 5.0, 2.0, 1.5
LARGEST_ERROR = 1e-3
# NDCG may be lower by this share.
LEAST_NDCG = 0.99


def relative_error(ours: list[float], theirs: list[float]) -> float:
    if len(ours) != len(theirs) or not theirs:
        raise BenchError(f"{len(ours)} singular values, the peer has {len(theirs)}")
    return max(abs(a - b) / b for a, b in zip(ours, theirs))


def spread(values: list[float]) -> str:
    return f"{min(values):.4f} to {max(values):.4f}"


class Measurements:
    """What was said last by each contender, and how to ask them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.said: dict[str, dict] = {}
        self.plain, self.train, self.held_out = (context.work_dir / f"{name}.csr" for name in ("zipf", "train", "test"))
        self.values = context.work_dir / "large_singular_values"
        shape = [str(number) for number in (USERS, ITEMS, INTERACTIONS)]
        for arguments in ([*shape, "0", self.plain], [*shape, str(TASTES), self.train, self.held_out]):
            context.run([context.python, HERE / "zipf.py", *arguments])

    def ours(self, name: str, matrix: pathlib.Path, *flags: object) -> float:
        self.said[name] = self.context.google_benchmark(
            "bench_factorize", "--matrix", matrix, "--threads", THREADS, *flags, f"--benchmark_filter={name}",
            min_time_s=0.01)[name]
        return self.said[name]["real_time"] / 1e3

    def peer(self, name: str, script: str, *args: object) -> float:
        self.said[name] = self.context.peer(HERE / script, *args, threads=THREADS, timeout_s=1800)
        return self.said[name]["seconds"]

    def factors(self, name: str) -> list[pathlib.Path]:
        return [self.context.work_dir / f"{name}.{side}" for side in ("users", "items")]

    def ndcg(self, name: str) -> float:
        return self.context.peer(HERE / "ranking.py", self.train, self.held_out, *self.factors(name),
                                 ALS_FACTORS)["ndcg"]


def alternate(context: Context, contenders: dict, rounds: int = ROUNDS) -> dict[str, float]:
    """Medians over fewer rounds than the small cases have: the peers take minutes."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(1 if context.quick else rounds):
        for name, measure in contenders.items():
            figures[name].append(measure())
    return {name: statistics.median(values) for name, values in figures.items()}


def rows(context: Context, command: str) -> list[dict]:
    m = Measurements(context)
    ours_als, peer_als = m.factors("ours"), m.factors("implicit")
    svd = alternate(context, {
        "ours": lambda: m.ours("svd", m.plain, "--svd-factors", FACTORS, "--singular-values", m.values),
        "sklearn": lambda: m.peer("sklearn_svd", "peer_sklearn.py", "svd", FACTORS, m.plain)})
    m.peer("scipy", "peer_scipy.py", FACTORS, m.plain)
    nmf = alternate(context, {
        "ours": lambda: m.ours("nmf", m.plain, "--nmf-factors", FACTORS, "--nmf-iterations", NMF_ITERATIONS,
                               "--nmf-tolerance", NMF_TOLERANCE),
        "sklearn": lambda: m.peer("sklearn_nmf", "peer_sklearn.py", "nmf", FACTORS, NMF_ITERATIONS, NMF_TOLERANCE,
                                  m.plain)})
    hyper = [ALS_FACTORS, ALS_ITERATIONS, ALS_REGULARIZATION, ALS_ALPHA]
    ndcg: dict[str, list[float]] = {"ours": [], "implicit": []}

    def als_ours() -> float:
        seconds = m.ours("als", m.train, "--als-factors", hyper[0], "--als-iterations", hyper[1],
                         "--als-regularization", hyper[2], "--als-alpha", hyper[3], "--als-seed",
                         len(ndcg["ours"]) + 1, "--als-users", ours_als[0], "--als-items", ours_als[1])
        ndcg["ours"].append(m.ndcg("ours"))
        return seconds / ALS_ITERATIONS

    def als_implicit() -> float:
        seconds = m.peer("implicit", "peer_implicit.py", m.train, *hyper, len(ndcg["implicit"]) + 1, THREADS, *peer_als)
        ndcg["implicit"].append(m.ndcg("implicit"))
        return seconds

    als = alternate(context, {"ours": als_ours, "implicit": als_implicit}, ALS_ROUNDS)
    exact = m.said["scipy"]["singular_values"]
    error = relative_error([float(line) for line in m.values.read_text(encoding="utf-8").split()], exact)
    sklearn_error = relative_error(m.said["sklearn_svd"]["singular_values"], exact)
    sklearn = f"scikit-learn {m.said['sklearn_nmf']['version']}"
    implicit = f"implicit {m.said['implicit']['version']} ALS"
    shape = f"{USERS:,} x {ITEMS:,}, {INTERACTIONS:,} interactions by Zipf's law"
    threads = f"{THREADS} threads each, {1 if context.quick else ROUNDS} rounds"
    return [
        row("factorize/large_svd/error", error, "relative", command, peer="the most allowed",
            peer_figure=LARGEST_ERROR, bar=1.0,
            note=f"largest relative difference of the top {FACTORS} singular values from ARPACK's; {shape}; "
                 f"TruncatedSVD of {sklearn} is off by {sklearn_error:.1e}"),
        row("factorize/large_svd/time", svd["ours"], "s", command, peer=f"{sklearn} TruncatedSVD",
            peer_figure=svd["sklearn"], bar=LEAST_SVD, note=f"{shape}; {threads}"),
        row("factorize/large_nmf/error", m.said["nmf"]["error"], "Frobenius norm", command, peer=f"{sklearn} NMF",
            peer_figure=m.said["sklearn_nmf"]["error"], bar=1.0,
            note=f"both until tolerance {NMF_TOLERANCE:g} of their own kind or {NMF_ITERATIONS} iterations: "
                 f"{m.said['nmf']['iterations']:.0f} and {m.said['sklearn_nmf']['iterations']}"),
        row("factorize/large_nmf/time", nmf["ours"], "s", command, peer=f"{sklearn} NMF", peer_figure=nmf["sklearn"],
            bar=LEAST_NMF, note=f"{shape}; {threads}"),
        row("factorize/large_als/ndcg", statistics.mean(ndcg["ours"]), "NDCG@10", command, peer=implicit,
            peer_figure=statistics.mean(ndcg["implicit"]), bar=LEAST_NDCG, higher_is_better=True,
            note=f"one pair in ten held out, {TASTES} tastes, the same hyper-parameters; mean over "
                 f"{len(ndcg['ours'])} seeds: {spread(ndcg['ours'])} and {spread(ndcg['implicit'])}"),
        row("factorize/large_als/iteration", als["ours"], "s", command, peer=implicit, peer_figure=als["implicit"],
            bar=LEAST_ALS, note=f"{ALS_FACTORS} factors, 3 steps of conjugate gradient; ours with all that surrounds "
                                f"the iterations; {THREADS} threads each"),
    ]
