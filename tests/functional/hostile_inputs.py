"""Input that nobody wants, as files: for each what the message must say, or that a right model comes of it."""
import csv
import gzip
import json
import os

import pyarrow
import pyarrow.parquet

ODD_IDS = ["comma, inside", 'a "quote"', "ünï–çødé 😀", "y" * 1000, " spaced ", "0001", "-1", "'", "two\nlines", "tab\there",
           "é" * 500, "<b>&amp;</b>", "%s%n", "../../etc", "null", "NaN"]


def write_csv(path, rows, header=("user", "item", "rating"), encoding="utf-8", newline="\n"):
    with (gzip.open(path, "wt", newline="") if path.suffix == ".gz" else open(path, "w", newline="", encoding=encoding)) as file:
        csv.writer(file, lineterminator=newline).writerows([header, *rows])
    return path


def write_parquet(path, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), path, write_page_checksum=True)
    return path


def write_bytes(path, content):
    path.write_bytes(content)
    return path


def grid(users=8, items=6, rating=lambda u, i: (u * i) % 5 + 1):
    return [(f"u{u}", f"i{i}", rating(u, i)) for u in range(users) for i in range(items) if (u + i) % 3]


def columns_of(rows):
    return dict(zip(("user", "item", "rating"), map(list, zip(*rows))))


def unreadable(path):
    """A file that exists and cannot be read, by root either."""
    if os.geteuid() == 0:
        path.symlink_to("/proc/self/mem")
    else:
        write_csv(path, grid()).chmod(0)
    return path


def cut(path, end=None):
    """Without what stands behind byte `end`; without `end`, the second half."""
    whole = path.read_bytes()
    return write_bytes(path, whole[:len(whole) // 2 if end is None else end])


def damaged(path, at):
    whole = bytearray(path.read_bytes())
    for place in range(at, at + 8):
        whole[place] ^= 0x55
    return write_bytes(path, bytes(whole))


def bad_value(value, where="line 34, column 'rating'"):
    return lambda folder: write_csv(folder / "events.csv", [*grid(), ("u0", "i0", value)]), [where, f"'{value}'", "--skip-bad-rows"]


# name → (how to write it, what the message says beside the file's name[, more flags]): no family trains on these.
REFUSED = {
    "empty": (lambda folder: write_bytes(folder / "events.csv", b""), ["is empty"]),
    "blank lines": (lambda folder: write_bytes(folder / "events.csv", b"\n\r\n"), ["blank lines only"]),
    "header only": (lambda folder: write_csv(folder / "events.csv", []), ["no interaction", "0 rows behind the header"]),
    "empty gzip": (lambda folder: write_bytes(folder / "events.csv.gz", gzip.compress(b"")), ["is empty"]),
    "empty JSON lines": (lambda folder: write_bytes(folder / "events.jsonl", b""), ["is empty"]),
    "Parquet without rows": (lambda folder: write_parquet(folder / "events.parquet", user=pyarrow.array([], "string"),
                                                          item=pyarrow.array([], "string")), ["0 rows"]),
    "only zeros": (lambda folder: write_csv(folder / "events.csv", grid(rating=lambda u, i: 0)), ["32 skipped: value of 0"]),
    "NaN": bad_value("NaN"),
    "inf": bad_value("inf"),
    "-inf": bad_value("-inf"),
    "1e999": bad_value("1e999"),
    "text": bad_value("five"),
    "decimal comma": bad_value("1,5"),
    "negative": bad_value("-3"),
    "NaN in Parquet": (lambda folder: write_parquet(folder / "events.parquet", user=["a", "b"], item=["x", "y"],
                                                    rating=[1.0, float("nan")]), ["row 2, column 'rating'", "nan"]),
    "NaN in JSON": (lambda folder: write_bytes(folder / "events.jsonl", b'{"user":"a","item":"x","rating":1}\n'
                                               b'{"user":"a","item":"y","rating":NaN}\n'), ["line 2"]),
    "2000 characters": (lambda folder: write_csv(folder / "events.csv", [*grid(), ("u0", "z" * 2000, 1)]),
                        ["line 34, column 'item'", "2000 bytes", "1024"]),
    "truncated gzip": (lambda folder: cut(write_csv(folder / "events.csv.gz", grid(60, 40))), ["truncated"]),
    "truncated JSON gzip": (lambda folder: cut(write_bytes(folder / "events.jsonl.gz", gzip.compress(
        b"".join(json.dumps({"user": u, "item": i}).encode() + b"\n" for u, i, _ in grid(60, 40))))), ["truncated"]),
    "damaged gzip": (lambda folder: damaged(write_csv(folder / "events.csv.gz", grid(60, 40)), 40),
                     ["gzip data is damaged"]),
    "truncated Parquet": (lambda folder: cut(write_parquet(folder / "events.parquet", **columns_of(grid()))),
                          ["is no whole Parquet file"]),
    "damaged Parquet": (lambda folder: damaged(write_parquet(folder / "events.parquet", **columns_of(grid())), 60),
                        ["is no whole Parquet file"]),
    "no Parquet": (lambda folder: write_bytes(folder / "events.parquet", b"PAR1 not really PAR1"), ["is no whole Parquet file"]),
    "Parquet, list of ids": (lambda folder: write_parquet(folder / "events.parquet", user=[["a"], ["b"]], item=["x", "y"]),
                             ["row 1, column 'user'", "list<"]),
    "Parquet, text ratings": (lambda folder: write_parquet(folder / "events.parquet", user=["a", "b"], item=["x", "y"],
                                                           rating=["1", "good"]), ["row 2, column 'rating'", "'good'"]),
    "Parquet, half an id": (lambda folder: write_parquet(folder / "events.parquet", user=["a", "b"], item=[1.0, 2.5]),
                            ["row 2, column 'item'", "2.5"]),
    "Parquet, no such column": (lambda folder: write_parquet(folder / "events.parquet", user=["a"], thing=["x"]),
                                ["no column 'item'", "user, thing", "--item-column"]),
    "no such column": (lambda folder: write_csv(folder / "events.csv", grid(), header=("user", "product", "stars")),
                       ["no column 'item'", "user, product, stars", "--item-column"]),
    "a directory": (lambda folder: (folder / "events.csv").mkdir() or folder / "events.csv", ["is a directory"]),
    "a directory of Parquet": (lambda folder: (folder / "events.parquet").mkdir() or folder / "events.parquet",
                               ["is a directory"]),
    "unreadable": (lambda folder: unreadable(folder / "events.csv"), ["ermission denied" if os.geteuid() else "nput/output"]),
    "a zip": (lambda folder: write_bytes(folder / "events.csv", b"PK\x03\x04" + bytes(50)), ["is zip"]),
    "UTF-16": (lambda folder: write_csv(folder / "events.csv", grid(), encoding="utf-16"), ["UTF-16"]),
    "Latin-1": (lambda folder: write_csv(folder / "events.csv", [("ü", "i0", 1)], encoding="latin-1"),
                ["line 2, column 'user'", "UTF-8"]),
    "a NUL byte": (lambda folder: write_bytes(folder / "events.csv", b"user,item\nu\0,i\n"), ["line 2", "NUL"]),
    "an open quote": (lambda folder: write_bytes(folder / "events.csv", b'user,item\nu0,"i0\n'), ["line 2", "quote"]),
    "a short row": (lambda folder: write_bytes(folder / "events.csv", b"user,item,rating\nu0\n"), ["line 2", "fields"]),
    "a column twice": (lambda folder: write_csv(folder / "events.csv", grid(), header=("user", "item", "item")), ["item"]),
    "a bad time": (lambda folder: write_csv(folder / "events.csv", [("a", "x", 1, "2024-01-01"), ("a", "y", 1, "soon")],
                                            header=("user", "item", "rating", "timestamp")),
                   ["line 3, column 'timestamp'", "'soon'"]),
}


TIMED = ("user", "item", "rating", "timestamp")
NULLS = dict(user=["u0", None, "u1", "u1"], item=["i0", "i1", None, "i0"], rating=[1.0, 2.0, 3.0, None])


def odd_rows():
    n = len(ODD_IDS)
    return [(f"user {ODD_IDS[u]}", ODD_IDS[i], 1 + (u + i) % 4) for u in range(n) for i in range(n) if (u + i) % 3]


def timed(rows, time):
    return [(*row, time(at)) for at, row in enumerate(rows)]


def with_nulls():
    rows = columns_of([(user, item, float(value)) for user, item, value in grid()])
    return {name: values + NULLS[name] for name, values in rows.items()}


# name → (how to write it, what the output says[, more flags]): every family makes a right model of these.
TRAINS = {
    "plain": (lambda folder: write_csv(folder / "events.csv", grid()), ["32 read, 32 used"]),
    "byte order mark": (lambda folder: write_csv(folder / "events.csv", grid(), encoding="utf-8-sig"), ["32 used"]),
    "CRLF": (lambda folder: write_csv(folder / "events.csv", grid(), newline="\r\n"), ["32 used"]),
    "CR": (lambda folder: write_csv(folder / "events.csv", grid(), newline="\r"), ["32 used"]),
    "gzip": (lambda folder: write_csv(folder / "events.csv.gz", grid()), ["32 used"]),
    "no last line break": (lambda folder: cut(write_csv(folder / "events.csv", grid()), -1), ["32 used"]),
    "odd ids": (lambda folder: write_csv(folder / "events.csv", odd_rows()), ["items         16 "]),
    "all equal": (lambda folder: write_csv(folder / "events.csv", grid(rating=lambda u, i: 3)), ["32 used"]),
    "everybody everything": (lambda folder: write_csv(folder / "events.csv", [(f"u{u}", f"i{i}", 3) for u in range(8) for i in range(6)]),
                             ["48 used"]),
    "constant columns": (lambda folder: write_csv(folder / "events.csv", grid(rating=lambda u, i: i + 1)), ["32 used"]),
    "constant rows": (lambda folder: write_csv(folder / "events.csv", grid(rating=lambda u, i: u + 1)), ["32 used"]),
    "duplicate rows": (lambda folder: write_csv(folder / "events.csv", grid() * 3), ["96 used", "interactions  32\n"]),
    "huge values": (lambda folder: write_csv(folder / "events.csv", grid(rating=lambda u, i: 1e30)), ["32 used"]),
    "two users": (lambda folder: write_csv(folder / "events.csv", grid(users=2)), ["users         2"]),
    "all at one time": (lambda folder: write_csv(folder / "events.csv", timed(grid(), lambda at: "2024-01-01T00:00:00Z"), TIMED),
                        ["32 used"]),
    "far times": (lambda folder: write_csv(folder / "events.csv", timed(grid(), lambda at: ["1970-01-01", "2262-01-01"][at % 2]),
                                           TIMED), ["32 used"], "--half-life-days", "7"),
    "Parquet": (lambda folder: write_parquet(folder / "events.parquet", **columns_of(grid())), ["32 used"]),
    "Parquet with nulls": (lambda folder: write_parquet(folder / "events.parquet", **with_nulls()),
                           ["36 read, 33 used", "1: empty user id", "1: empty item id", "1: empty value"]),
    "bad rows skipped": (lambda folder: write_csv(folder / "events.csv", [*grid(), ("u0", "i0", "NaN"), ("u1", "z" * 2000, 1)]),
                         ["32 used", "2: bad rows", "line 34, column 'rating'"], "--skip-bad-rows"),
}

# How many users and items they have; see SMALL_REFUSED of the test for the families that cannot work with so few.
SMALL = {
    "one user": lambda folder: write_csv(folder / "events.csv", [("u0", f"i{i}", i + 1) for i in range(6)]),
    "one item": lambda folder: write_csv(folder / "events.csv", [(f"u{u}", "i0", u + 1) for u in range(6)]),
    "one event": lambda folder: write_csv(folder / "events.csv", [("u0", "i0", 1)]),
}

ITEM_HEADER = ("item", "name", "brand", "price", "about")


def items(folder, rows, header=ITEM_HEADER):
    return write_csv(folder / "items.csv", rows, header)


def constant_items(folder):
    return items(folder, [(f"i{i}", "same", "acme", 5, "the same words") for i in range(6)])


# name → (how to write the item file, what the message says beside its name).
ITEMS_REFUSED = {
    "empty": (lambda folder: write_bytes(folder / "items.csv", b""), ["is empty"]),
    "header only": (lambda folder: items(folder, []), ["none of its 0 rows"]),
    "other items": (lambda folder: items(folder, [("other", "n", "b", 1, "a")]), ["none of its 1 rows", "'i1'"]),
    "no id column": (lambda folder: items(folder, [("i0", "n", "b", 1, "a")], ("id", *ITEM_HEADER[1:])), ["no column 'item'"]),
    "no category column": (lambda folder: items(folder, [("i0", "n", "b", 1, "a")], ("item", "name", "maker", "price", "about")),
                           ["no column 'brand'"]),
    "an item twice": (lambda folder: items(folder, [("i0", "n", "b", 1, "a")] * 2), ["line 3, column 'item'", "line 2 already"]),
    "NaN": (lambda folder: items(folder, [("i0", "n", "b", "NaN", "a")]), ["line 2, column 'price'", "'NaN'"]),
    "inf": (lambda folder: items(folder, [("i0", "n", "b", "-inf", "a")]), ["line 2, column 'price'", "'-inf'"]),
    "truncated gzip": (lambda folder: cut(write_csv(folder / "items.csv.gz", [(f"i{i}", "n" * i, "b", 1, "a") for i in range(500)],
                                                    ITEM_HEADER)), ["truncated"]),
    "a directory": (lambda folder: (folder / "items.csv").mkdir() or folder / "items.csv", ["is a directory"]),
    "Latin-1": (lambda folder: write_csv(folder / "items.csv", [("i1", "ü", "b", 1, "a")], ITEM_HEADER, encoding="latin-1"),
                ["line 2, column 'name'", "UTF-8"]),
}
