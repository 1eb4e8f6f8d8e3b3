#!/usr/bin/env python3
"""Runs every scenario of a folder beside its peers, prints one table and writes the same as JSON (README.md).

The folder is this one, the benchmarks, or tests/quality, the comparisons of quality.

Exit status: 0 measured, also when a bar is missed (with --strict: 1); 1 a scenario failed; 2 usage.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import machine  # noqa: E402
import render  # noqa: E402
from context import Context, row  # noqa: E402


def find_scenarios(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    return {path.parent.name: path for path in sorted(folder.glob("*/scenario.py"))}


def run_scenario(name: str, path: pathlib.Path, context: Context, command: str) -> list[dict]:
    """The scenario's rows; when it fails, one row that says how."""
    try:
        spec = importlib.util.spec_from_file_location(f"scenario_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows = module.rows(context)
        if not rows:
            return [row(name, None, "", command, error="the scenario returned no row")]
        return rows
    except Exception as error:  # whatever a scenario dies of becomes a row
        traceback.print_exc()
        return [row(name, None, "", command, error=f"{type(error).__name__}: {error}")]


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True, help="folder of our binaries")
    parser.add_argument("--python", type=pathlib.Path, default=pathlib.Path(sys.executable),
                        help="interpreter with tests/bench/requirements.txt (default: the one running this)")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/bench.json"))
    parser.add_argument("--docs", type=pathlib.Path, help="also write the table into this page, between its markers")
    parser.add_argument("--only", action="append", metavar="SCENARIO", help="may be given more than once")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not to quote")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--scenarios", type=pathlib.Path, default=HERE, metavar="FOLDER",
                        help="where the scenarios are (default: the benchmarks)")
    return parser.parse_args(argv)


def main(argv: list[str], form: render.Form = render.PEERS) -> int:
    args = parse_arguments(argv)
    scenarios = find_scenarios(args.scenarios)
    unknown = set(args.only or ()) - set(scenarios)
    if unknown:
        print(f"run.py: no scenario {', '.join(sorted(unknown))}; there are: {', '.join(scenarios)}", file=sys.stderr)
        return 2

    # build/quality.json is the section "quality" of the page.
    section = args.out.stem
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    measured_on = {"machine": machine.describe(), "date": date}
    rows = []
    for name, path in scenarios.items():
        if args.only and name not in args.only:
            continue
        print(f"{section}: {name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"kindred-bench-{name}-") as work_dir:
            # The interpreter's path stays unresolved: a virtual environment is found by it.
            context = Context(bin_dir=args.bin_dir.resolve(), python=pathlib.Path(os.path.abspath(args.python)),
                              work_dir=pathlib.Path(work_dir), quick=args.quick)
            command = f"tests/bench/run.py --scenarios {args.scenarios} --only {name}"
            rows += [{"scenario": name, **entry, **measured_on} for entry in run_scenario(name, path, context, command)]

    args.out.parent.mkdir(parents=True, exist_ok=True)
    partial = args.out.with_name(args.out.name + ".partial")
    partial.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, args.out)
    print(render.text_table(rows, form))
    if args.docs is not None:
        render.update_page(args.docs, {section: rows}, form)
    failed = sum("error" in entry for entry in rows)
    skipped = sum("skipped" in entry for entry in rows)
    short = sum(not entry["ok"] for entry in rows) - failed - skipped
    print(f"{section}: {len(rows)} rows, {short} short of their bar, {failed} failed, {skipped} skipped; {args.out}")
    return 1 if failed or (args.strict and short) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
