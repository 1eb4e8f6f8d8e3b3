"""The driver and its rows, and that ctest and the folder have the same cases. Run by ctest."""

import contextlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import importlib.util  # noqa: E402

spec = importlib.util.spec_from_file_location("faults_run", HERE / "run.py")
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)

import render  # noqa: E402
from fault_row import FORM, row, timing  # noqa: E402

SCENARIO = """
from fault_row import row, seed
def rows(context):
    return [row("mine/lost", 0, "updates", at_most=0), row("mine/found", 3, "", at_least=4), row("mine/seed", seed(), "")]
"""


def drive(text: str, *flags: str) -> tuple[int, list[dict], str]:
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ):
        root = pathlib.Path(folder)
        (root / "mine").mkdir()
        (root / "mine" / "scenario.py").write_text(text, encoding="utf-8")
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(io.StringIO()):
            status = faults.main(["--bin-dir", folder, "--scenarios", folder, "--out", str(root / "faults.json"), *flags])
        return status, json.loads((root / "faults.json").read_text(encoding="utf-8")), stdout.getvalue()


class Driver(unittest.TestCase):
    def test_rows_have_every_key_and_the_seed(self):
        status, rows, stdout = drive(SCENARIO, "--seed", "99")
        self.assertEqual(status, 0)
        for key in ("case", "seed", "figure", "unit", "bar", "ok", "command", "machine"):
            self.assertIn(key, rows[0])
        self.assertEqual([entry["ok"] for entry in rows], [True, False, True])
        self.assertEqual([entry["seed"] for entry in rows], [99] * 3)
        self.assertEqual(rows[2]["figure"], 99)
        self.assertEqual(rows[0]["command"], "KINDRED_SEED=99 scripts/faults.sh --only mine")
        self.assertRegex(stdout, r"mine/lost +0 updates +≤ 0 +99 +ok")
        self.assertRegex(stdout, r"mine/found +3 +≥ 4 +99 +SHORT")

    def test_strict_makes_a_missed_bar_the_exit_status(self):
        self.assertEqual(drive(SCENARIO, "--strict")[0], 1)

    def test_a_case_that_dies_becomes_a_row(self):
        status, rows, stdout = drive("def rows(context):\n  raise ValueError('no luck')\n")
        self.assertEqual(status, 1)
        self.assertFalse(rows[0]["ok"])
        self.assertIn("no luck", stdout)

    def test_no_figure_meets_no_bar(self):
        with mock.patch.dict(os.environ, KINDRED_SEED="1"):
            self.assertFalse(row("a/b", None, "", at_most=0)["ok"])
            self.assertFalse(row("a/b", None, "", at_least=0)["ok"])
            self.assertFalse(row("a/b", 1, "", at_most=0.5)["ok"])

    def test_timings_have_a_bar_only_where_they_are_measured_whole(self):
        with mock.patch.dict(os.environ, KINDRED_SEED="1"):
            self.assertTrue(timing(mock.Mock(quick=True), "a/b", 9, "ms", at_most=1)["ok"])
            self.assertFalse(timing(mock.Mock(quick=False), "a/b", 9, "ms", at_most=1)["ok"])

    def test_the_page_has_the_table(self):
        with mock.patch.dict(os.environ, KINDRED_SEED="1"):
            table = render.markdown_table([row("a/b", 2, "ms", at_most=3)], FORM)
        self.assertIn("| a/b | 2 ms | ≤ 3 | 1 | ok |", table)

    def test_ctest_runs_every_case(self):
        listed = re.findall(r"^kindred_fault_test\((\w+)\)", (HERE / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)
        self.assertEqual(sorted(listed), sorted(path.parent.name for path in HERE.glob("*/scenario.py")))


if __name__ == "__main__":
    unittest.main()
