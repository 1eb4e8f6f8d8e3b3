"""`kindred train` on input that nobody wants: a clear message or a right result, and nothing half-written."""
import csv
import gzip

import pytest

FAMILIES = ["svd", "nmf"]
ODD_IDS = ["comma, inside", 'a "quote"', "ünï–çødé 😀", "y" * 1000, " spaced ", "0001", "-1", "'"]


@pytest.fixture(params=FAMILIES)
def train(request, kindred, tmp_path):
    """train(path, *flags) → the finished process; whatever happens, only the bundle may be new in the output folder."""

    def run(path, *flags):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        before = set(out.iterdir())
        bundle = out / "bundle.safetensors"
        result = kindred("train", request.param, "--interactions", path, "--user-column", "user", "--item-column", "item",
                         "--model", "hostile", "--out", bundle, *flags, errors="replace")
        said = result.stdout + result.stderr
        assert result.returncode in (0, 1, 2), f"killed: {result.returncode}\n{said}"
        assert "were not expected" not in said, f"the test uses a flag that is gone: {said}"
        for trace in ("terminate called", "Traceback", "what():", "Assertion", "core dumped"):
            assert trace not in said, said
        assert set(out.iterdir()) - before == ({bundle} if result.returncode == 0 else set()), "half-written"
        if result.returncode == 0:
            checked = kindred("verify", bundle)
            assert checked.returncode == 0, checked.stdout + checked.stderr
        else:
            assert result.stderr.strip(), "an error says something"
        result.bundle = bundle
        return result

    return run


def write(path, rows, header=("user", "item", "rating")):
    with (gzip.open(path, "wt", newline="") if path.suffix == ".gz" else open(path, "w", newline="")) as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    return path


def grid(users=8, items=6, rating=lambda u, i: (u * i) % 5 + 1):
    return [(f"u{u}", f"i{i}", rating(u, i)) for u in range(users) for i in range(items) if (u + i) % 3]


def refused(result, *says):
    assert result.returncode == 1, result.stdout + result.stderr
    for text in says:
        assert text in result.stderr, result.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"user,item,rating\n"], ids=["empty", "newline", "header"])
def test_nothing_in_the_file(train, tmp_path, content):
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    refused(train(path, "--factors", "2"), str(path))


@pytest.mark.parametrize("rows", [
    [("u0", f"i{i}", i + 1) for i in range(6)], [(f"u{u}", "i0", u + 1) for u in range(6)], [("u0", "i0", 1)],
], ids=["one_user", "one_item", "one_event"])
def test_too_small_to_factorize(train, tmp_path, rows):
    result = train(write(tmp_path / "events.csv", rows), "--factors", "2")
    if result.returncode == 1:
        assert "users" in result.stderr or "items" in result.stderr or "small" in result.stderr, result.stderr


def test_more_factors_than_rank(train, tmp_path):
    result = train(write(tmp_path / "events.csv", grid()), "--factors", "500")
    assert result.returncode in (0, 1)
    said = result.stdout + result.stderr
    assert "factors" in said, "says that it takes fewer, or why not"


@pytest.mark.parametrize("rating", [lambda u, i: 3, lambda u, i: i + 1, lambda u, i: u + 1],
                         ids=["all_equal", "constant_columns", "constant_rows"])
def test_degenerate_ratings_train(train, tmp_path, rating):
    path = write(tmp_path / "events.csv", grid(rating=rating))
    result = train(path, "--value-column", "rating", "--factors", "2")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("value", ["NaN", "inf", "-inf", "1e999", "five", "1,5"])
def test_ratings_that_are_no_numbers(train, tmp_path, value):
    """Skipped and counted, or refused with the place: never a NaN in a factor (verify checks them)."""
    path = write(tmp_path / "events.csv", [*grid(), ("u0", "i0", value)])
    result = train(path, "--value-column", "rating", "--factors", "2")
    if result.returncode == 1:
        assert str(path) in result.stderr and "rating" in result.stderr, result.stderr
    else:
        assert "skipped" in result.stdout + result.stderr, "says that a row was left out"


def test_ids_of_every_kind(train, tmp_path, kindred):
    rows = [(f"user {ODD_IDS[u]}", ODD_IDS[i], 1 + (u + i) % 4) for u in range(8) for i in range(8) if (u + i) % 3]
    result = train(write(tmp_path / "events.csv", rows), "--factors", "2")
    assert result.returncode == 0, result.stderr
    from safetensors.numpy import load_file
    tensors = load_file(result.bundle)
    raw, ends = tensors["items.ids.bytes"].tobytes(), tensors["items.ids.offsets"]
    found = {raw[begin:end].decode() for begin, end in zip(ends, ends[1:])}
    assert {each.strip() for each in found} == {each.strip() for each in ODD_IDS}


def test_an_id_that_is_too_long_is_named(train, tmp_path):
    path = write(tmp_path / "events.csv", [*grid(), ("u0", "z" * 1025, 1)])
    result = train(path, "--factors", "2")
    if result.returncode == 0:
        assert "skipped" in result.stdout + result.stderr
    else:
        assert str(path) in result.stderr and "1025" in result.stderr, result.stderr


def test_duplicate_rows_are_one_cell(train, tmp_path):
    once = train(write(tmp_path / "events.csv", grid() * 3), "--factors", "2")
    assert once.returncode == 0, once.stderr
    from safetensors.numpy import load_file
    assert len(load_file(once.bundle)["users.seen.values"]) == len(grid())


def test_a_truncated_gzip_is_an_error(train, tmp_path):
    path = write(tmp_path / "events.csv.gz", grid(60, 40))
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    refused(train(path, "--factors", "2"), str(path))


def test_what_is_no_csv(train, tmp_path):
    for name, content in {"zip.csv": b"PK\x03\x04" + b"\x00" * 50, "unquoted.csv": b'user,item,rating\nu0,"i0,1\n',
                          "latin.csv": b"user,item,rating\n\xfc,i0,1\nu1,i1,1\n", "short.csv": b"user,item,rating\nu0\n",
                          "events.parquet": b"PAR1 not really PAR1"}.items():
        path = tmp_path / name
        path.write_bytes(content)
        refused(train(path, "--factors", "2"), str(path))


def test_wrong_columns_and_missing_files(train, tmp_path):
    path = write(tmp_path / "events.csv", grid(), header=("customer", "product", "stars"))
    refused(train(path), str(path), "user", "customer")
    gone = train(tmp_path / "gone.csv")
    assert gone.returncode in (1, 2) and str(tmp_path / "gone.csv") in gone.stderr


def test_a_folder_that_is_not_there(kindred, tmp_path):
    path = write(tmp_path / "events.csv", grid())
    result = kindred("train", "svd", "--interactions", path, "--user-column", "user", "--item-column", "item", "--factors", "2",
                     "--model", "hostile", "--out", tmp_path / "no" / "such" / "bundle.safetensors")
    assert (result.returncode == 0) == (tmp_path / "no/such/bundle.safetensors").exists()
    assert result.returncode in (0, 1) and "Traceback" not in result.stderr
