"""The scenarios' own logic, with a stand-in for the product. Run by ctest; needs no data and no build."""

import contextlib
import dataclasses
import gzip
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bench")]

import choose  # noqa: E402
import datasets  # noqa: E402
import product  # noqa: E402
import run  # noqa: E402
from context import BenchError, Context  # noqa: E402


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"quality_{name}", HERE / name / "scenario.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluation(ndcg: float, users: int = 3) -> dict:
    at = {"k": 10, "ndcg": ndcg, "recall": 0.5, "standard_error": {"ndcg": 0.01}}
    return {"scored_users": users, "rankings": [{"name": "model", "at": [at]},
                                                {"name": "popularity", "at": [{**at, "ndcg": 0.1}]}]}


class Rows(unittest.TestCase):
    def test_a_figure_below_what_is_asked_for_is_short_and_stays(self):
        self.assertTrue(product.anchor("c", 0.07, "", "", least=0.065)["ok"])
        short = product.anchor("c", 0.06, "", "", least=0.065)
        self.assertEqual((short["ok"], short["figure"], short["peer_figure"]), (False, 0.06, 0.065))
        self.assertIsNone(product.anchor("c", 0.06, "", "", least=0.065, quick=True)["bar"])

    def test_a_case_that_dies_costs_its_own_row_and_says_why(self):
        def dies():
            raise BenchError("/b/kindred train --config /tmp/kindred-bench-x-1/a.yaml: exit 1: error: "
                             "/tmp/kindred-bench-x-1/a.yaml:6: spaces.als: unknown model\nfamily 'als'")

        with contextlib.redirect_stderr(io.StringIO()):
            (entry,) = product.guarded("c", "cmd", dies)
        self.assertFalse(entry["ok"])
        self.assertEqual(entry["error"], "unknown model family 'als'")
        with contextlib.redirect_stderr(io.StringIO()):
            (entry,) = product.guarded("c", "cmd", lambda: 1 / 0)
        self.assertIn("ZeroDivisionError", entry["error"])

    def test_rows_say_how_long_they_took(self):
        (entry,) = product.guarded("c", "cmd", lambda: product.anchor("c", 1, "", "cmd"))
        self.assertGreaterEqual(entry["seconds"], 0)

    def test_missing_data_is_said_aloud(self):
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            (entry,) = product.skipped(["c"], "cmd", product.SHARED / "none.csv")
        self.assertFalse(entry["ok"])
        self.assertEqual(entry["skipped"], "../shared/data/none.csv is not here")
        self.assertIn("SKIPPED c", stderr.getvalue())


class Figures(unittest.TestCase):
    def test_ranking_reads_the_model_and_those_beside_it(self):
        ranking = product.Ranking(evaluation(0.25))
        self.assertEqual((ranking.figure(), ranking.figure("recall"), ranking.figure(ranker="popularity")),
                         (0.25, 0.5, 0.1))
        with self.assertRaises(BenchError):
            ranking.figure(ranker="none")

    def test_hindsight_is_the_share_that_only_others_made_known_later(self):
        scenario = load("protocol")
        with tempfile.TemporaryDirectory() as folder:
            def write(name, events):
                return product.write_rows(pathlib.Path(folder) / name, [
                    {"user_id": user, "item_id": item, "timestamp": moment} for user, item, moment in events])
            train = write("a.csv.gz", [("u", "a", "2020-01-01"), ("v", "b", "2020-02-01"), ("w", "c", "2019-01-01")])
            test = write("b.csv.gz", [("u", "b", "2020-03-01"),      # first seen after u's last: hindsight
                                      ("u", "c", "2020-03-01"),      # known before
                                      ("u", "a", "2020-03-01"),      # u had it: not to be found
                                      ("u", "new", "2020-03-01")])   # training does not know it
            self.assertEqual(scenario.hindsight(train, test), 0.5)


class Stand(unittest.TestCase):
    """Scenarios against a program in place of kindred."""

    def drive(self, scenario: str, program: str, patches=()) -> list[dict]:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            binary = pathlib.Path(folder) / "kindred"
            binary.write_text(f"#!{sys.executable}\n" + textwrap.dedent(program), encoding="utf-8")
            binary.chmod(0o755)
            module = load(scenario)
            for name, value in patches:
                stack.enter_context(mock.patch.object(module, name, value(pathlib.Path(folder))))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            context = Context(pathlib.Path(folder), pathlib.Path(sys.executable), pathlib.Path(folder), quick=False)
            return module.rows(context)

    def test_families_that_are_not_built_give_rows_and_no_crash(self):
        program = """
            import sys
            if sys.argv[1] == "split":
                for flag in ("--out-train", "--out-test"):
                    open(sys.argv[sys.argv.index(flag) + 1], "w").close()
            else:
                sys.exit("error: unknown model family")
        """
        rows = self.drive("served", program)
        self.assertEqual(len(rows), len(load("served").RECIPES))
        self.assertFalse(any(entry["ok"] for entry in rows))
        self.assertTrue(all("unknown model family" in entry["error"] for entry in rows))

    def test_without_the_data_every_scenario_that_needs_it_skips(self):
        for name in ("protocol", "cold_start", "next_item", "ratings"):
            module = load(name)
            missing = pathlib.Path("/nonexistent")
            for attribute in ("SESSIONS",):
                if hasattr(module, attribute):
                    setattr(module, attribute, missing)
            if hasattr(module, "SETS"):
                module.SETS = {key: (missing, *form[1:]) for key, form in module.SETS.items()}
            for data in ("ONLINE_RETAIL", "DESKDROP"):
                if hasattr(module, data):
                    setattr(module, data, dataclasses.replace(getattr(module, data), path=missing))
            with contextlib.redirect_stderr(io.StringIO()):
                rows = module.rows(Context(missing, missing, missing, quick=False))
            self.assertTrue(rows, name)
            self.assertTrue(all("skipped" in entry and not entry["ok"] for entry in rows), name)

    def test_pairs_whose_target_cannot_be_found_count_as_missed(self):
        # Four pairs; the product is said to have scored two of them and to have found one.
        def sessions(folder):
            path = folder / "sessions.txt.gz"
            path.write_bytes(gzip.compress(b"a b c\nb c d\na c c\na b zzz\nalone\n"))
            return path

        answer = json.dumps({**evaluation(0.1, users=2), "sampled_users": 4})
        program = f"""
            import sys
            if sys.argv[1] == "evaluate":
                print('''{answer}''')
        """
        module_context = mock.patch.object(Context, "peer", lambda *a, **k: {"bigram": 0.3, "popularity": 0.1,
                                                                           "cosine_cooccurrence": 0.26})
        with module_context:
            rows = self.drive("next_item", program, [("SESSIONS", sessions)])
        self.assertEqual(rows[0]["figure"], 0.25)
        self.assertTrue(rows[0]["ok"])


class Fake:
    """A product whose models are best at a = 2 and, given that, b = 4; it counts what it is asked to train."""

    def __init__(self):
        self.trained: list[dict] = []
        self.cuts: list[tuple] = []

    def split(self, name, inputs, *flags):
        self.cuts.append((name, inputs))
        return f"{name}-train", f"{name}-test"

    def train(self, name, interactions, spaces, **keys):
        assert interactions == "deskdrop-validation-train", interactions
        self.trained.append(spaces)
        return spaces, 1.0

    def ranking(self, bundle, test):
        assert test == "deskdrop-validation-test", test
        (parameters,) = bundle.values()
        a, b = parameters.get("a", 0), parameters.get("b", 0)
        return product.Ranking(evaluation(1 - 0.1 * abs(a - 2) - 0.01 * abs(b - 2 * a)))


class Chosen(unittest.TestCase):
    GRID = {"b": (0, 2, 4), "a": (1, 2, 3)}

    def choice(self, fake: Fake, folder: str) -> choose.Choice:
        return choose.Choice(fake, datasets.DESKDROP, "als_all_alike", pathlib.Path(folder) / "runs.csv")

    def best(self, fake: Fake, folder: str, rounds: int) -> dict:
        with contextlib.redirect_stdout(io.StringIO()):
            settings, _ = self.choice(fake, folder).best({"prior_weight": 0}, self.GRID, rounds)
        return settings

    def test_each_parameter_takes_its_best_value_and_again_until_nothing_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.best(Fake(), folder, 1), {"prior_weight": 0, "a": 2})
            self.assertEqual(self.best(Fake(), folder, 5), {"prior_weight": 0, "a": 2, "b": 4})

    def test_test_events_are_never_asked_for_and_families_have_their_names(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = Fake()
            self.best(fake, folder, 1)
            self.assertEqual([cut[0] for cut in fake.cuts], ["deskdrop", "deskdrop-validation"])
            self.assertEqual(fake.cuts[1][1], ["deskdrop-train"])
            self.assertEqual(fake.trained[0], {"als": {"family": "als", "prior_weight": 0}})

    def test_what_stands_in_the_file_of_runs_is_not_trained_again(self):
        with tempfile.TemporaryDirectory() as folder:
            self.best(Fake(), folder, 5)
            again = Fake()
            self.assertEqual(self.best(again, folder, 5), {"prior_weight": 0, "a": 2, "b": 4})
            self.assertEqual((again.trained, again.cuts), ([], []))

    def test_every_grid_is_of_a_recipe_that_there_is(self):
        for model in choose.GRIDS:
            self.assertTrue(model == "hybrid" or model in datasets.ONLINE_RETAIL.recipes, model)
        self.assertEqual(choose.pairs_of(["a=1,0.5", "b=user"]), {"a": [1, 0.5], "b": ["user"]})
        with self.assertRaisesRegex(SystemExit, "found 'a=', expected NAME=VALUE"):
            choose.pairs_of(["a="])


class Repository(unittest.TestCase):
    def test_every_scenario_can_be_loaded(self):
        found = run.find_scenarios(HERE)
        self.assertEqual(set(found), {"protocol", "complete_journey", "next_item", "ratings", "cold_start", "served"})
        for name in found:
            self.assertTrue(callable(load(name).rows), name)

    def test_folds_are_disjoint_and_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "r.csv.gz"
            path.write_bytes(gzip.compress(b"s,d,y\n" + b"".join(b"%d,%d,3\n" % (n, n) for n in range(103))))
            parts = load("ratings").folds(path, ",", "s", "d", "y")
            self.assertEqual(sorted(len(part) for part in parts), [20, 20, 21, 21, 21])
            self.assertEqual(len({entry["user_id"] for part in parts for entry in part}), 103)


if __name__ == "__main__":
    unittest.main()
