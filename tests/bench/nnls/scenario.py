"""Non-negative least squares, one problem at a time on one thread, beside scipy.optimize.nnls, residuals compared."""

from __future__ import annotations

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from context import Context, row  # noqa: E402

# Rows and columns of the basis, and the least ratio that will do.
SHAPES = [(8, 64, None), (16, 64, 5.0), (32, 64, None), (64, 128, None)]
TARGETS = 256
RESIDUAL_TOLERANCE = 1e-9
COMMAND = "tests/bench/run.py --bin-dir build/bench/bin --python build/venv/bench/bin/python --only nnls"


def compare_residuals(ours: pathlib.Path, theirs: pathlib.Path) -> str | None:
    """None when the residual norms of all targets agree; else where they do not."""
    our_norms, their_norms = ([float(line) for line in path.read_text(encoding="utf-8").split()]
                              for path in (ours, theirs))
    if len(our_norms) != TARGETS or len(their_norms) != TARGETS:
        return f"{len(our_norms)} answers, the peer has {len(their_norms)}, expected {TARGETS}"
    for target, (norm, peer_norm) in enumerate(zip(our_norms, their_norms)):
        if not abs(norm - peer_norm) <= RESIDUAL_TOLERANCE * peer_norm:
            return f"target {target}: residual {norm!r}, the peer has {peer_norm!r}"
    return None


def measure_shape(context: Context, k: int, d: int, bar: float | None) -> dict:
    shape = f"{k}x{d}"
    basis, targets = context.work_dir / f"basis_{shape}", context.work_dir / f"targets_{shape}"
    context.run([context.python, HERE / "data.py", k, d, TARGETS, basis, targets])
    our_residuals, peer_residuals = context.work_dir / f"ours_{shape}", context.work_dir / f"scipy_{shape}"
    said: dict[str, dict] = {}

    def ours(number: int) -> float:
        results = context.google_benchmark("bench_nnls", "--basis", basis, "--targets", targets, "--shape", shape,
                                           "--residuals", our_residuals, min_time_s=0.1 if context.quick else 0.3)
        said["ours"], = results.values()
        return said["ours"]["p50_us"]

    def scipy(number: int) -> float:
        said["scipy"] = context.peer(HERE / "peer_scipy.py", k, d, basis, targets, peer_residuals)
        return said["scipy"]["p50_us"]

    figures = context.interleave({"ours": ours, "scipy": scipy})
    difference = compare_residuals(our_residuals, peer_residuals)
    return row(
        f"nnls/{shape}", figures["ours"], "µs", COMMAND, peer=f"scipy {said['scipy']['version']} optimize.nnls",
        peer_figure=figures["scipy"], bar=bar, error=difference and f"answers differ: {difference}",
        note=f"median of single problems, {TARGETS} targets, 1 thread, {context.rounds} rounds; "
             f"{said['ours']['iterations']:.1f} iterations a problem; residuals compared")


def rows(context: Context) -> list[dict]:
    return [measure_shape(context, k, d, bar) for k, d, bar in SHAPES]
