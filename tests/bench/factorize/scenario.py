"""Factorizations beside SciPy, scikit-learn and implicit: of the grocery sample on one thread, error first, then time, and
of a matrix of a million interactions on two (large.py; about ten minutes, most of them the peers')."""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import large  # noqa: E402
from context import Context, row  # noqa: E402
from large import relative_error  # noqa: E402

SAMPLE = HERE.parents[1] / "data" / "completejourney" / "transactions.csv.gz"
SVD_FACTORS = 50
NMF_FACTORS, NMF_ITERATIONS = 20, 50
# Top singular values must be this close to SciPy's, relative.
LARGEST_ERROR = 1e-3
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only factorize"


def rows(context: Context) -> list[dict]:
    values_file = context.work_dir / "singular_values"
    said: dict[str, dict] = {}

    def ours(name: str):
        def measure(number: int) -> float:
            said[name] = context.google_benchmark(
                "bench_factorize", "--interactions", SAMPLE, "--user-column", "household_id", "--item-column",
                "product_id", "--value-column", "quantity", "--svd-factors", SVD_FACTORS, "--nmf-factors", NMF_FACTORS,
                "--nmf-iterations", NMF_ITERATIONS, "--singular-values", values_file,
                f"--benchmark_filter={name}", min_time_s=0.05)[name]
            return said[name]["real_time"] / 1e3
        return measure

    def peer(name: str, script: str, *args: object):
        def measure(number: int) -> float:
            said[name] = context.peer(HERE / script, *args)
            return said[name]["seconds"]
        return measure

    svd = context.interleave({
        "ours": ours("svd"), "scipy": peer("scipy", "peer_scipy.py", SVD_FACTORS),
        "sklearn": peer("sklearn_svd", "peer_sklearn.py", "svd", SVD_FACTORS)})
    nmf = context.interleave({
        "ours": ours("nmf"), "sklearn": peer("sklearn_nmf", "peer_sklearn.py", "nmf", NMF_FACTORS, NMF_ITERATIONS, 0)})

    exact = said["scipy"]["singular_values"]
    error = relative_error([float(line) for line in values_file.read_text(encoding="utf-8").split()], exact)
    sklearn_error = relative_error(said["sklearn_svd"]["singular_values"], exact)
    scipy_name = f"scipy {said['scipy']['version']} svds"
    sklearn_name = f"scikit-learn {said['sklearn_nmf']['version']}"
    threads = f"1 thread, {context.rounds} rounds"
    svd_case, nmf_case = f"factorize/svd_{SVD_FACTORS}", f"factorize/nmf_{NMF_FACTORS}x{NMF_ITERATIONS}"
    return [
        row(f"{svd_case}/error", error, "relative", COMMAND, peer="the most allowed", peer_figure=LARGEST_ERROR,
            bar=1.0,
            note=f"largest relative difference of the top {SVD_FACTORS} singular values from {scipy_name}; "
                 f"TruncatedSVD of {sklearn_name} is off by {sklearn_error:.1e}"),
        row(f"{svd_case}/time", svd["ours"], "s", COMMAND, peer=scipy_name, peer_figure=svd["scipy"],
            note=f"{said['svd']['iterations']:.0f} iterations; {threads}"),
        row(f"{svd_case}/time_randomized", svd["ours"], "s", COMMAND, peer=f"{sklearn_name} TruncatedSVD",
            peer_figure=svd["sklearn"], note=f"the peer stops at a relative error of {sklearn_error:.1e}; {threads}"),
        row(f"{nmf_case}/error", said["nmf"]["error"], "Frobenius norm", COMMAND, peer=f"{sklearn_name} NMF",
            peer_figure=said["sklearn_nmf"]["error"], bar=1.0, note="same factors and iterations, no regularization"),
        row(f"{nmf_case}/time", nmf["ours"], "s", COMMAND, peer=f"{sklearn_name} NMF", peer_figure=nmf["sklearn"],
            note=threads),
        *large.rows(context, COMMAND),
    ]
