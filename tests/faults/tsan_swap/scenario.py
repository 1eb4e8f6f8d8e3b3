"""Swaps, answers, updates of profiles and of availability at once under ThreadSanitizer: no race.

The test is SwapAndServeTest of tests/unit/lifecycle, built with the preset tsan: the whole version builds it, the short one
takes what is there.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

from fault_row import row
from stack import BenchError, Context

REPO = pathlib.Path(__file__).resolve().parents[3]
BINARY = REPO / "build" / "tsan" / "bin" / "lifecycle_tests"
TEST = "SwapAndServeTest.*"


def rows(context: Context) -> list[dict]:
    seconds = 2 if context.quick else 60
    if not context.quick:
        context.run([REPO / "scripts" / "build.sh", "tsan", "lifecycle_tests"], timeout_s=3_600)
    if not BINARY.is_file():
        missing = f"no {BINARY.relative_to(REPO)}: scripts/build.sh tsan lifecycle_tests makes it"
        return [row("tsan_swap/races", None, "", at_most=0, skipped=missing)]
    report = context.work_dir / "report.xml"
    environment = {**os.environ, "KINDRED_SWAP_SECONDS": str(seconds), "TSAN_OPTIONS": "halt_on_error=0 exitcode=66"}
    done = subprocess.run([BINARY, f"--gtest_filter={TEST}", f"--gtest_output=xml:{report}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=10 * seconds + 300, env=environment)
    races = done.stderr.count("WARNING: ThreadSanitizer")
    text = report.read_text(encoding="utf-8") if report.is_file() else ""
    counts = {name: int(value) for name, value in re.findall(r'name="(\w+)" value="(\d+)"', text)}
    if "swaps" not in counts:
        raise BenchError(f"{BINARY}: exit {done.returncode}: {(done.stderr or done.stdout)[-1000:]}")
    return [row("tsan_swap/races", races, "", at_most=0, note=first_race(done.stderr)),
            row("tsan_swap/exit code", done.returncode, "", at_most=0,
                note=done.stdout[-500:] if done.returncode and not races else None),
            row("tsan_swap/swaps", counts["swaps"], f"in {seconds} s", at_least=1,
                note=f"{counts['answers']:,} answers meanwhile")]


def first_race(text: str) -> str | None:
    begin = text.find("WARNING: ThreadSanitizer")
    return None if begin < 0 else text[begin:begin + 600]
