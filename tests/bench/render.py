#!/usr/bin/env python3
"""Writes measured rows into a page, as tables between markers; the rest of the page stays as it is.

    render.py --docs docs/benchmarks.md build/bench.json [build/quality.json …]

The rows of NAME.json go between "<!-- NAME:begin -->" and "<!-- NAME:end -->", which are added where the page lacks
them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable

NEW_PAGE = """# Benchmarks

Measured figures beside those of the peers, taken in the same run on the same machine, ours and theirs by turns. Lower
is better where the unit is a time. *Ratio* is how many times better Kindred is; *bar* is the least we ask of ourselves.
`tests/bench/README.md` says how a figure is taken, `tests/quality/README.md` how recommendations are judged, and
`tests/faults/README.md` what the cases of the last table break.
"""


def number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells(row: dict) -> list[str]:
    """Case, figure, peer, its figure, ratio, bar, verdict."""
    unit = f" {row['unit']}" if row.get("unit") else ""
    figure = "–" if row["figure"] is None else number(row["figure"]) + unit
    peer_figure = "–" if row["peer_figure"] is None else number(row["peer_figure"]) + unit
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}×"
    bar = "–" if row["bar"] is None else f"≥ {row['bar']:.3g}×"
    return [row["case"], figure, row["peer"] or "–", peer_figure, ratio, bar, "ok" if row["ok"] else "SHORT"]


@dataclasses.dataclass(frozen=True)
class Form:
    """How rows become the cells of a table. The last cell is the verdict."""

    headings: list[str]
    cells: Callable[[dict], list[str]]


PEERS = Form(["case", "Kindred", "peer", "peer's", "ratio", "bar", ""], cells)


def verdict(row: dict, row_cells: list[str]) -> list[str]:
    word = "FAILED" if "error" in row else "skipped" if "skipped" in row else None
    return row_cells[:-1] + [word] if word else row_cells


def reasons(rows: list[dict]) -> list[str]:
    """Why rows have no figure; one line for the cases that share a reason."""
    cases: dict[str, list[str]] = {}
    for row in rows:
        if reason := row.get("error") or row.get("skipped"):
            cases.setdefault(reason, []).append(row["case"])
    return [f"{', '.join(names)}: {reason}" for reason, names in cases.items()]


def text_table(rows: list[dict], form: Form = PEERS) -> str:
    table = [form.headings] + [verdict(row, form.cells(row)) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(form.headings))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    lines += reasons(rows)
    return "\n".join(lines)


def markdown_table(rows: list[dict], form: Form = PEERS) -> str:
    def line(parts: list[str]) -> str:
        return "| " + " | ".join(part.replace("|", "\\|").replace("\n", " ") for part in parts) + " |"

    lines = []
    for measured_on in dict.fromkeys((row.get("machine", ""), row.get("date", "")) for row in rows):
        here = [row for row in rows if (row.get("machine", ""), row.get("date", "")) == measured_on]
        lines += [f"{measured_on[0]}; {measured_on[1]}.", "", line(form.headings),
                  line(["---"] * len(form.headings))]
        lines += [line(verdict(row, form.cells(row))) for row in here]
        lines.append("")
        lines += ["- " + line.replace("\n", " ") for line in reasons(here)]
        notes: dict[str, list[str]] = {}
        for row in here:
            if "note" in row:
                notes.setdefault(row["note"], []).append(row["case"])
        lines += [f"- {', '.join(cases)}: {note}" for note, cases in notes.items()]
        commands = dict.fromkeys(row["command"] for row in here)
        lines += ["", "Commands: " + "; ".join(f"`{command}`" for command in commands) + ".", ""]
    return "\n".join(lines)


def update_page(page: pathlib.Path, sections: dict[str, list[dict]], form: Form = PEERS) -> None:
    text = page.read_text(encoding="utf-8") if page.exists() else NEW_PAGE
    for name, rows in sections.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin not in text:
            text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
        if text.find(end) < text.find(begin):
            raise SystemExit(f"render.py: {page} has {begin} but no {end} after it")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{markdown_table(rows, form).strip()}\n{end}{after}"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--docs", type=pathlib.Path, required=True)
    args = parser.parse_args(argv)
    update_page(args.docs, {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in args.results})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
