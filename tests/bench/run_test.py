"""The driver: rows, failures that become rows, and the page. Run by ctest."""

import contextlib
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import render  # noqa: E402
import run  # noqa: E402
from context import Context, row  # noqa: E402


def drive(scenarios: dict[str, str], *flags: str) -> tuple[int, list[dict], str]:
    """Exit status, rows and stdout of a run over scenario files with these texts."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in scenarios.items():
            (root / name).mkdir()
            (root / name / "scenario.py").write_text(text, encoding="utf-8")
        out = root / "out" / "bench.json"
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(io.StringIO()):
            status = run.main(["--bin-dir", folder, "--out", str(out), "--scenarios", folder, *flags])
        rows = json.loads(out.read_text(encoding="utf-8")) if out.exists() else []
        return status, rows, stdout.getvalue()


GOOD = """
from context import row
def rows(context):
    return [row("good/1", 2.0, "µs", "cmd", peer="p", peer_figure=10.0, bar=4.0),
            row("good/2", 5.0, "µs", "cmd", peer="p", peer_figure=10.0, bar=4.0)]
"""


class Driver(unittest.TestCase):
    def test_rows_have_every_key_and_say_where_they_come_from(self):
        status, rows, stdout = drive({"good": GOOD})
        self.assertEqual(status, 0)
        for key in ("case", "figure", "unit", "peer", "peer_figure", "ratio", "bar", "ok", "command"):
            self.assertIn(key, rows[0])
        self.assertEqual([entry["ok"] for entry in rows], [True, False])
        self.assertEqual(rows[0]["ratio"], 5.0)
        self.assertTrue(rows[0]["machine"])
        self.assertIn("SHORT", stdout)

    def test_strict_makes_a_missed_bar_the_exit_status(self):
        self.assertEqual(drive({"good": GOOD}, "--strict")[0], 1)

    def test_a_scenario_that_dies_becomes_a_row_and_the_others_run(self):
        status, rows, stdout = drive({"bad": "def rows(context):\n  raise ValueError('no luck')\n", "good": GOOD,
                                      "broken": "def rows(context:\n"})
        self.assertEqual(status, 1)
        by_case = {entry["case"]: entry for entry in rows}
        self.assertFalse(by_case["bad"]["ok"])
        self.assertIn("no luck", by_case["bad"]["error"])
        self.assertIn("SyntaxError", by_case["broken"]["error"])
        self.assertTrue(by_case["good/1"]["ok"])
        self.assertIn("no luck", stdout)

    def test_a_command_that_fails_is_quoted_with_its_stderr(self):
        text = ("import sys\ndef rows(context):\n"
                "  context.run([sys.executable, '-c', 'import sys; sys.exit(\"it broke\")'])\n")
        _, rows, _ = drive({"bad": text})
        self.assertIn("it broke", rows[0]["error"])
        self.assertIn("exit 1", rows[0]["error"])

    def test_a_skipped_row_says_why_and_is_no_failure(self):
        text = "from context import row\ndef rows(context):\n  return [row('a', None, '', 'c', skipped='no data here')]\n"
        status, rows, stdout = drive({"s": text}, "--strict")
        self.assertFalse(rows[0]["ok"])
        self.assertIn("no data here", stdout)
        self.assertIn("0 short of their bar, 0 failed, 1 skipped", stdout)
        self.assertEqual(status, 0)

    def test_the_page_has_a_section_by_the_name_of_the_results(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            drive({"good": GOOD}, "--docs", str(page))
            self.assertIn("<!-- bench:begin -->", page.read_text(encoding="utf-8"))
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                run.main(["--bin-dir", folder, "--out", f"{folder}/quality.json", "--scenarios", folder, "--docs",
                          str(page)])
            self.assertIn("<!-- quality:begin -->", page.read_text(encoding="utf-8"))

    def test_a_missing_binary_says_how_to_build_it(self):
        _, rows, _ = drive({"bad": "def rows(context):\n  context.google_benchmark('bench_none')\n"})
        self.assertIn("scripts/build.sh bench bench_none", rows[0]["error"])

    def test_no_rows_is_a_failure(self):
        self.assertEqual(drive({"empty": "def rows(context):\n  return []\n"})[0], 1)

    def test_only_picks_and_an_unknown_name_is_a_usage_error(self):
        status, rows, _ = drive({"good": GOOD, "bad": "1/0"}, "--only", "good")
        self.assertEqual((status, len(rows)), (0, 2))
        self.assertEqual(drive({"good": GOOD}, "--only", "none")[0], 2)

    def test_every_scenario_of_the_repository_can_be_loaded(self):
        found = run.find_scenarios(HERE)
        self.assertIn("topk", found)
        for name, path in found.items():
            spec = importlib.util.spec_from_file_location(name, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self.assertTrue(callable(module.rows), name)


class Rows(unittest.TestCase):
    def test_ratio_is_how_many_times_better(self):
        self.assertEqual(row("c", 2.0, "s", "", peer_figure=8.0)["ratio"], 4.0)
        self.assertEqual(row("c", 8.0, "1/s", "", peer_figure=2.0, higher_is_better=True)["ratio"], 4.0)

    def test_a_bar_without_a_ratio_is_missed_and_an_error_is_never_ok(self):
        self.assertFalse(row("c", 2.0, "s", "", bar=1.0)["ok"])
        self.assertFalse(row("c", 2.0, "s", "", peer_figure=8.0, error="differs")["ok"])

    def test_interleave_takes_turns_and_returns_medians(self):
        order = []
        context = Context(pathlib.Path(), pathlib.Path(), pathlib.Path(), quick=False)
        figures = context.interleave({"a": lambda i: order.append("a") or [9, 1, 2, 3, 100][i],
                                      "b": lambda i: order.append("b") or 5})
        self.assertEqual(figures, {"a": 3, "b": 5})
        self.assertEqual(order[:4], ["a", "b", "a", "b"])


class TopKAnswers(unittest.TestCase):
    def setUp(self):
        spec = importlib.util.spec_from_file_location("topk_scenario", HERE / "topk" / "scenario.py")
        self.scenario = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.scenario)

    def compare(self, ours: str, theirs: str) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / name for name in ("ours", "theirs")]
            for path, text in zip(paths, (ours, theirs)):
                path.write_text(text, encoding="utf-8")
            return self.scenario.compare_answers(*paths)

    def test_near_ties_may_change_places_and_nothing_else_may(self):
        self.assertIsNone(self.compare("1 10 2 9.99999\n", "2 9.99999 1 9.99999\n"))
        self.assertIn("rank 1", self.compare("1 10 2 9\n", "1 10 3 9.5\n"))
        self.assertIn("0 answers", self.compare("", "1 10\n"))
        self.assertIn("1 items", self.compare("1 10\n", "1 10 2 9\n"))


class Page(unittest.TestCase):
    def test_only_the_part_between_the_markers_changes(self):
        rows = [row("a/b", 2.0, "µs", "cmd", peer="p|q", peer_figure=10.0, bar=4.0)]
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n", encoding="utf-8")
            render.update_page(page, {"bench": rows, "quality": rows})
            text = page.read_text(encoding="utf-8")
            self.assertTrue(text.startswith("before\n"))
            self.assertIn("\nafter\n", text)
            self.assertNotIn("old", text)
            self.assertIn("<!-- quality:begin -->", text)
            self.assertIn("p\\|q", text)
            render.update_page(page, {"bench": rows, "quality": rows})
            self.assertEqual(page.read_text(encoding="utf-8"), text)


if __name__ == "__main__":
    unittest.main()
