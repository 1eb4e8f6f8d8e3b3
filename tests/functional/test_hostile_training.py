"""`kindred train` on input that nobody wants (hostile_inputs.py): of every family a clear message, or a right model that
verifies and answers; and nothing half-written."""
import math

import pytest
from safetensors.numpy import load_file

import server_client
from hostile_inputs import (ITEMS_REFUSED, ODD_IDS, REFUSED, SMALL, TRAINS, constant_items, grid, write_csv)

# Small ones; what a family is asked for where there is more of it than the data carries.
FAMILIES = {
    "svd": ["--factors", "2"],
    "nmf": ["--factors", "2"],
    "als": ["--factors", "2"],
    "mf": ["--factors", "2"],
    "content": ["--dims", "2"],
    "popular": [],
    "item-cosine": [],
    "item2vec": ["--factors", "4", "--epochs", "2"],
    "traits": ["--traits", "2", "--factors", "4", "--epochs", "2"],
}
ITEM_FLAGS = ["--item-name-column", "name", "--category-columns", "brand", "--attribute-columns", "price", "--text-columns", "about"]
SMALL_REFUSED = {
    ("svd", "one user"): "1 users × 6 items; a truncated SVD needs at least 2 of each",
    ("svd", "one item"): "6 users × 1 items; a truncated SVD needs at least 2 of each",
    ("svd", "one event"): "1 users × 1 items; a truncated SVD needs at least 2 of each",
    ("nmf", "one event"): "alpha 1 is so large that every factor ended as 0; give a smaller one",
    **{(family, case): "no sequence has two tokens, so nothing has a neighbour to learn from"
       for family in ("item2vec", "traits") for case in ("one item", "one event")},
}
every_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture
def train(kindred, tmp_path):
    """train(family, path, *flags, out=…) → the finished process; whatever happens, only the bundle may be new where it goes."""

    def run(family, path, *flags, out=None, sizes=None):
        bundle = out or tmp_path / "hostile" / "1" / "bundle.safetensors"
        bundle.parent.mkdir(exist_ok=True, parents=True)
        before = set(bundle.parent.iterdir())
        result = kindred("train", family, "--interactions", path, "--user-column", "user", "--item-column", "item", "--model",
                         bundle.parent.parent.name, "--threads", "1", "--out", bundle, *(FAMILIES[family] if sizes is None else sizes), *flags,
                         errors="replace")
        said = result.stdout + result.stderr
        assert result.returncode in (0, 1), f"exit code {result.returncode}\n{said}"
        for trace in ("terminate called", "what():", "Assertion", "core dumped", "Sanitizer", "runtime error"):
            assert trace not in said, said
        assert set(bundle.parent.iterdir()) - before == ({bundle} if result.returncode == 0 else set()), "half-written"
        if result.returncode == 0:
            checked = kindred("verify", bundle)
            assert checked.returncode == 0 and checked.stdout.startswith("VALID"), checked.stdout + checked.stderr
        result.bundle = bundle
        return result

    return run


def refused(result, *says):
    assert result.returncode == 1, result.stdout + result.stderr
    for text in ("error: ", *says):
        assert text in result.stderr, f"'{text}' is not in: {result.stderr}"


class Models:
    """A model store to train into, and the check that each of its models answers."""

    def __init__(self, root):
        self.root, self.asked = root, {}

    def bundle(self, case, user):
        model = case.replace(" ", "-").lower()
        self.asked[model] = user
        return self.root / model / "1" / "bundle.safetensors"

    def answer(self, server, channel, stubs):
        stub = stubs.Stub(channel(server(self.root).address))
        for model, user in self.asked.items():
            for who in (user, "nobody knows"):
                answer = stub.Recommend(server_client.for_user(stubs, who, model=model, include_seen=True), timeout=20)
                assert answer.items, f"{model}: no items for {who}"
                assert all(math.isfinite(item.score) for item in answer.items), model
            touched = stubs.pb.EventList(events=[server_client.event(stubs, answer.items[0].item_id, action="view")])
            answer = stub.Recommend(stubs.pb.RecommendRequest(model=model, subject=stubs.pb.Subject(events=touched),
                                                              include_seen=True), timeout=20)
            assert answer.items and all(math.isfinite(item.score) for item in answer.items), model


@pytest.fixture(scope="module")
def reads_parquet(bin_dir):
    return (bin_dir / "kindred_parquet.so").exists()


@pytest.fixture
def models(tmp_path):
    return Models(tmp_path / "models")


@every_family
@pytest.mark.parametrize("case", REFUSED)
def test_what_no_family_trains_on(train, tmp_path, reads_parquet, family, case):
    write, says, *flags = REFUSED[case]
    path = write(tmp_path)
    if path.suffix == ".parquet" and path.is_file() and not reads_parquet:
        says = ["made without Arrow", "scripts/fetch_arrow.sh"]
    refused(train(family, path, *flags), str(path), *says)


@every_family
def test_what_every_family_trains_on(train, tmp_path, models, server, channel, stubs, reads_parquet, family):
    for case, (write, says, *flags) in TRAINS.items():
        folder = tmp_path / case
        folder.mkdir()
        path = write(folder)
        if path.suffix == ".parquet" and not reads_parquet:
            continue
        result = train(family, path, *flags,
                       out=models.bundle(case, user=f"user {ODD_IDS[1]}" if case == "odd ids" else "u1"))
        assert result.returncode == 0, f"{case}: {result.stderr}"
        for text in says:
            assert text in result.stdout, f"{case}: '{text}' is not in: {result.stdout}"
        tensors = load_file(result.bundle)
        for name, tensor in tensors.items():
            if tensor.dtype.kind == "f" and not name.startswith("items.attribute"):
                assert all(map(math.isfinite, tensor.ravel())), f"{case}: {name}"
        raw, ends = tensors["items.ids.bytes"].tobytes(), tensors["items.ids.offsets"]
        found = {raw[begin:end].decode() for begin, end in zip(ends, ends[1:])}
        assert found == (set(ODD_IDS) if case == "odd ids" else {f"i{i}" for i in range(6)}), case
    models.answer(server, channel, stubs)


@every_family
def test_next_to_nothing(train, tmp_path, models, server, channel, stubs, family):
    for case, write in SMALL.items():
        folder = tmp_path / case
        folder.mkdir()
        expected = SMALL_REFUSED.get((family, case))
        if expected:
            refused(train(family, write(folder)), expected)
        else:
            result = train(family, write(folder), out=models.bundle(case, user="u0"))
            assert result.returncode == 0, f"{case}: {result.stderr}"
    if models.asked:
        models.answer(server, channel, stubs)


@every_family
def test_constant_item_columns_and_more_factors_than_rank(train, tmp_path, models, server, channel, stubs, family):
    path = write_csv(tmp_path / "events.csv", grid())
    flags = ["--items", constant_items(tmp_path), *ITEM_FLAGS]
    result = train(family, path, *flags, out=models.bundle("constant", user="u1"))
    assert result.returncode == 0, result.stderr
    sizes = ["500" if flag in ("--factors", "--dims", "--traits") else value
             for flag, value in zip(["", *FAMILIES[family]], FAMILIES[family])]
    many = train(family, path, *flags, sizes=sizes, out=models.bundle("many", user="u1"))
    assert many.returncode == 0, many.stderr
    if family in ("svd", "nmf", "traits", "content"):
        assert "500 " in many.stdout and "asked for" in many.stdout, many.stdout
    models.answer(server, channel, stubs)


@pytest.mark.parametrize("case", ITEMS_REFUSED)
@pytest.mark.parametrize("family", ["content", "als"])
def test_item_files_that_nobody_wants(train, tmp_path, family, case):
    write, says = ITEMS_REFUSED[case]
    items = write(tmp_path)
    refused(train(family, write_csv(tmp_path / "events.csv", grid()), "--items", items, *ITEM_FLAGS), str(items), *says)


@every_family
def test_a_token_may_be_too_long_where_its_item_is_not(train, tmp_path, family):
    rows = [(user, item + "y" * 1015, value, "view_again") for user, item, value in grid()]
    result = train(family, write_csv(tmp_path / "events.csv", rows, ("user", "item", "rating", "what")), "--action-column", "what")
    if family == "traits":
        refused(result, "the token view_again_i", "1028 bytes, at most 1024", "tokens=item")
    else:
        assert result.returncode == 0, result.stderr


@every_family
def test_a_failure_leaves_the_old_bundle(train, tmp_path, family):
    path = write_csv(tmp_path / "events.csv", grid())
    old = train(family, path)
    assert old.returncode == 0, old.stderr
    before = old.bundle.read_bytes()
    refused(train(family, write_csv(path, [*grid(), ("u0", "i0", "x")])), "line 34")
    assert old.bundle.read_bytes() == before


def test_files_and_folders_that_are_not_there(kindred, tmp_path):
    columns = ["--user-column", "user", "--item-column", "item", "--factors", "2"]
    gone = kindred("train", "svd", "--interactions", tmp_path / "gone.csv", *columns, "--out", tmp_path / "out")
    assert gone.returncode == 2 and f"{tmp_path / 'gone.csv'}: No such file" in gone.stderr, gone.stderr
    path = write_csv(tmp_path / "events.csv", grid())
    nowhere = tmp_path / "no" / "such" / "bundle.safetensors"
    result = kindred("train", "svd", "--interactions", path, *columns, "--out", nowhere)
    assert result.returncode in (1, 2) and str(nowhere.parent) in result.stderr, result.stderr
    assert not nowhere.parent.parent.exists()
    folder = kindred("train", "svd", "--interactions", path, *columns, "--out", tmp_path)
    assert folder.returncode in (1, 2) and str(tmp_path) in folder.stderr, folder.stderr
