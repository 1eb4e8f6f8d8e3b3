"""The form of a row of build/faults.json, and how a table shows it."""

from __future__ import annotations

import os
from typing import Any

from context import Context
from render import Form, number


def seed() -> int:
    return int(os.environ["KINDRED_SEED"])


def command_of(name: str) -> str:
    return f"KINDRED_SEED={seed()} scripts/faults.sh --only {name}"


def row(case: str, figure: float | None, unit: str, *, at_most: float | None = None, at_least: float | None = None,
        skipped: str | None = None, note: str | None = None) -> dict[str, Any]:
    """`case` begins with the name of its folder. `at_most` or `at_least` is the bar, at most one of them."""
    bar = at_most if at_least is None else at_least
    met = bar is None or figure is not None and (figure <= bar if at_least is None else figure >= bar)
    result: dict[str, Any] = {"case": case, "seed": seed(), "figure": figure, "unit": unit, "bar": bar,
                              "bound": None if bar is None else "at most" if at_least is None else "at least",
                              "ok": met and skipped is None, "command": command_of(case.split("/")[0])}
    if skipped is not None:
        result["skipped"] = skipped
    if note is not None:
        result["note"] = note
    return result


def timing(context: Context, case: str, figure: float | None, unit: str, *, at_most: float, note: str | None = None) -> dict:
    """A row about speed: its bar counts where it is measured whole, not where a short version shows that it works."""
    return row(case, figure, unit, at_most=None if context.quick else at_most, note=note)


def cells(entry: dict) -> list[str]:
    figure = "–" if entry["figure"] is None else f"{number(entry['figure'])} {entry['unit']}".strip()
    sign = "≤" if entry.get("bound") == "at most" else "≥"
    bar = "–" if entry.get("bar") is None else f"{sign} {number(entry['bar'])}"
    return [entry["case"], figure, bar, str(entry.get("seed", "–")), "ok" if entry["ok"] else "SHORT"]


FORM = Form(["case", "figure", "bar", "seed", ""], cells)
