"""What is written is what is read, served and verified; what cannot be a bundle is refused with the place named."""
import datetime
import os

import numpy as np
import pytest

from kindred import bundle
from kindred.bundle import Bundle, BundleError, Space

RNG = np.random.default_rng(7)
ITEMS = RNG.normal(size=(70, 6)).astype(np.float32)
USERS = RNG.normal(size=(9, 6)).astype(np.float32)
ITEM_IDS = ["ü–" + str(i) for i in range(68)] + ['a "quoted", one', "x" * 1024]
USER_IDS = [f"user {u}" for u in range(9)]
SEEN = [[3, 1, 2], [], [69], [0], [], [], [], [5, 6], [7]]


def everything(**changes):
    arguments = dict(items=ITEMS, item_ids=ITEM_IDS, users=USERS, user_ids=USER_IDS, seen=SEEN,
                     names=[f"Item {i}" if i % 2 else None for i in range(70)],
                     categories=["tools", None, ["toys", "tools"]] + ["rest"] * 67,
                     attributes={"price": np.where(np.arange(70) % 3 == 0, np.nan, np.arange(70) / 2)},
                     popularity=np.arange(70), prior=np.linspace(0, 1, 70), fold_in_lambda=0.5, prior_weight=0.25,
                     model="mine", version="3", source="a test", training={"rounds": 3})
    return {**arguments, **changes}


def test_round_trip(tmp_path, valid):
    path = tmp_path / "b.safetensors"
    bundle.write(path, **everything())
    packed = valid(path)
    for each in (path, packed):
        read = bundle.read(each)
        assert read.item_ids == ITEM_IDS and read.user_ids == USER_IDS
        space = read.spaces["default"]
        assert isinstance(space.items, np.memmap) and not space.items.flags.writeable
        np.testing.assert_array_equal(space.items, ITEMS)
        np.testing.assert_array_equal(space.users, USERS)
        assert space.fold_in_lambda == 0.5 and space.prior_weight == 0.25
        assert [list(read.seen[u]) for u in range(9)] == [sorted(row) for row in SEEN]
        assert read.names[1] == "Item 1" and read.names[2] == ""
        assert read.categories[:4] == [["tools"], [], ["tools", "toys"], ["rest"]]
        np.testing.assert_array_equal(read.attributes["price"][:4], np.array([np.nan, 0.5, 1, np.nan], np.float32))
        assert (read.model, read.version, read.source, read.training) == ("mine", "3", "a test", {"rounds": 3})
        assert read.sealed is (each == packed)
        again = tmp_path / "again.safetensors"
        read.write(again)
        tensors = bundle.info(again).tensors
        assert (tensors.pop("space.default.average", None) is not None) == read.sealed, "packing derived it"
        assert tensors == bundle.info(path).tensors


def test_answers_of_the_server_are_numpys(serve):
    ask = serve(lambda path: bundle.write(path, **everything(prior_weight=0.0)))
    for user in (0, 1, 7):
        scores = USERS[user] @ ITEMS.T
        scores[SEEN[user]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:10]
        answer = ask("recommend", "--user", USER_IDS[user])
        assert [item["item_id"] for item in answer["items"]] == [ITEM_IDS[i] for i in best]
        np.testing.assert_allclose([item["score"] for item in answer["items"]], scores[best], rtol=1e-6)
    history = [3, 9]
    u = np.linalg.solve(ITEMS.T.astype(float) @ ITEMS + 0.5 * np.eye(6), ITEMS[history].sum(axis=0))
    scores = ITEMS @ u
    scores[history] = -np.inf
    answer = ask("recommend", "--event", ITEM_IDS[3], "--event", ITEM_IDS[9])
    assert [item["item_id"] for item in answer["items"]] == [ITEM_IDS[i] for i in np.argsort(-scores)[:10]]


def test_an_item_without_a_vector_is_answered_by_its_categories(serve):
    items = ITEMS.copy()
    items[2] = 0  # of "tools" and "toys", with item 0
    ask = serve(lambda path: bundle.write(path, **everything(items=items, prior_weight=0.0)))
    answer = ask("recommend", "--event", ITEM_IDS[2])
    assert answer["source"] == "category"
    scores = items @ items[0]  # the mean of "tools" without it; "toys" has no other item
    scores[2] = -np.inf
    best = np.argsort(-scores, kind="stable")[:10]
    assert [item["item_id"] for item in answer["items"]] == [ITEM_IDS[i] for i in best]
    np.testing.assert_allclose([item["score"] for item in answer["items"]], scores[best], rtol=1e-5)
    assert ask("recommend", "--event", ITEM_IDS[2], "--event", ITEM_IDS[9])["source"] == "inline_events"


def test_info_reads_the_header_only(tmp_path):
    path = tmp_path / "b.safetensors"
    bundle.write(path, **everything())
    about = bundle.info(path)
    assert (about.items, about.users, about.categories, about.interactions) == (70, 9, 3, 8)
    assert about.default_space == "default" and about.spaces["default"]["dim"] == 6 and not about.sealed
    made = datetime.datetime.strptime(about.created_at, "%Y-%m-%dT%H:%M:%SZ")
    assert abs((datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - made).total_seconds()) < 600
    # The same header over a file of holes: nothing past it is read.
    sparse = tmp_path / "holes.safetensors"
    size = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    sparse.write_bytes(path.read_bytes()[:size])
    os.truncate(sparse, path.stat().st_size)
    assert bundle.info(sparse).tensors == about.tensors


def test_a_damaged_seal_is_found(tmp_path, valid):
    pytest.importorskip("xxhash")
    path = tmp_path / "b.safetensors"
    bundle.write(path, **everything())
    packed = valid(path)
    assert bundle.read(packed).verified and not bundle.read(packed, verify=False).verified
    data = bytearray(packed.read_bytes())
    data[-1] ^= 1
    packed.write_bytes(data)
    with pytest.raises(BundleError, match="tensor .* checksum"):
        bundle.read(packed)
    data[20] ^= 1
    packed.write_bytes(data)
    with pytest.raises(BundleError):
        bundle.read(packed)


def test_several_spaces(tmp_path, valid, serve):
    other = RNG.random(size=(70, 3))

    def write(path):
        bundle.write(path, **everything(space="als", spaces={"text": Space(items=other, fold_in="mean", metric="cosine"),
                                                             "parts": Space(items=other, fold_in="nnls", users=USERS[:, :3])},
                                        default_space="text"))

    path = tmp_path / "b.safetensors"
    write(path)
    packed = valid(path)
    assert bundle.info(packed).default_space == "text" and set(bundle.info(packed).spaces) == {"als", "text", "parts"}
    unit = other / np.linalg.norm(other, axis=1, keepdims=True)
    scores = unit @ (other[4] + other[5])
    scores[[4, 5]] = -np.inf
    answer = serve(write)("recommend", "--event", ITEM_IDS[4], "--event", ITEM_IDS[5])
    assert [item["item_id"] for item in answer["items"]] == [ITEM_IDS[i] for i in np.argsort(-scores)[:10]]


def test_seen_in_every_form(tmp_path):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    matrix = sparse.lil_matrix((9, 70))
    for user, items in enumerate(SEEN):
        for item in items:
            matrix[user, item] = item + 1
    expected = [sorted(row) for row in SEEN]
    forms = {
        "sparse": dict(seen=matrix, seen_weights=True),
        "lists": dict(seen=SEEN, seen_weights=[[i + 1 for i in row] for row in SEEN]),
        "ids": dict(seen={USER_IDS[u]: {ITEM_IDS[i]: i + 1 for i in row} for u, row in enumerate(SEEN)}),
    }
    for name, form in forms.items():
        path = tmp_path / f"{name}.safetensors"
        bundle.write(path, **everything(**form))
        seen = bundle.read(path).seen
        assert [list(seen[u]) for u in range(9)] == expected, name
        np.testing.assert_array_equal(seen.weights, seen.values + 1, err_msg=name)


def test_lists_of_seen_items_without_scipy(tmp_path):
    path = tmp_path / "b.safetensors"
    bundle.write(path, **everything(seen={USER_IDS[0]: [ITEM_IDS[2], ITEM_IDS[1], ITEM_IDS[2]]}))
    assert list(bundle.read(path).seen[0]) == [1, 2]
    bundle.write(path, **everything(seen=[[4, 4, 2]] + [[]] * 8, seen_weights=[[1, 2, 5]] + [[]] * 8))
    seen = bundle.read(path).seen
    assert list(seen[0]) == [2, 4] and list(seen.weights) == [5, 3], "weights of one item are added up"


def test_recommendations_in_every_form(tmp_path, valid):
    forms = {
        "ids": ({USER_IDS[1]: [ITEM_IDS[9], ITEM_IDS[2]], USER_IDS[8]: []}, [9, 2], [1, 0.5]),
        "pairs": ({USER_IDS[1]: [(ITEM_IDS[9], 3), (ITEM_IDS[2], np.float32(3)), (ITEM_IDS[4], -1.5)]}, [9, 2, 4], [3, 3, -1.5]),
        "scores": ({USER_IDS[1]: {ITEM_IDS[9]: -1, ITEM_IDS[2]: 5, ITEM_IDS[4]: 5}}, [2, 4, 9], [5, 5, -1]),
        "rows": (bundle.Rows(np.array([0, 0] + [2] * 8), np.array([9, 2])), [9, 2], [1, 0.5]),
    }
    for name, (given, items, scores) in forms.items():
        path = tmp_path / f"{name}.safetensors"
        bundle.write(path, **everything(recommendations=given))
        assert bundle.info(path).recommendations == len(items)
        for each in (path, valid(path)):
            lists = bundle.read(each).recommendations
            assert [list(lists[u]) for u in range(9)] == [[], items] + [[]] * 7, name
            assert list(lists.weights) == scores, name
        bundle.read(path).write(tmp_path / "again.safetensors")
        assert bundle.info(tmp_path / "again.safetensors").tensors == bundle.info(path).tensors


def at(array, index, value):
    copy = np.array(array, np.float64)
    copy[index] = value
    return copy


@pytest.mark.parametrize("change, says", [
    (dict(items=ITEMS[:-1]), r"space 'default', items: has shape \[69, 6\], expected \[70, any\]"),
    (dict(items=ITEMS.ravel()), r"items: has shape \[420\]"),
    (dict(items=ITEMS.astype(str)), "items: is of type <U32, expected real numbers"),
    (dict(items=at(ITEMS, (3, 2), np.nan)), r"items\[3, 2\]: found nan, expected a finite number"),
    (dict(items=at(ITEMS, (3, 2), 1e300)), r"items\[3, 2\]: found inf, expected a finite number \(as a 32-bit float\)"),
    (dict(items=np.zeros((70, 0))), "0 columns, expected 1 to 4096"),
    (dict(users=USERS[:, :5]), r"users: has shape \[9, 5\], expected \[9, 6\]"),
    (dict(user_ids=[], seen=None), "has users, expected user_ids"),
    (dict(item_ids=[]), "item_ids: is empty"),
    (dict(item_ids="abc"), "found one str"),
    (dict(item_ids=ITEM_IDS[:-1] + [ITEM_IDS[4]]), r"item_ids\[69\]: found 'ü–4' again, which is item_ids\[4\]"),
    (dict(item_ids=ITEM_IDS[:-1] + [""]), r"item_ids\[69\]: found 0 bytes of UTF-8, expected 1 to 1024"),
    (dict(item_ids=ITEM_IDS[:-1] + ["ü" * 513]), r"item_ids\[69\]: found 1026 bytes"),
    (dict(item_ids=ITEM_IDS[:-1] + [None]), r"item_ids\[69\]: found None, expected a string or an integer"),
    (dict(item_ids=ITEM_IDS[:-1] + [1.0]), r"item_ids\[69\]: found 1.0"),
    (dict(item_ids=ITEM_IDS[:-1] + [True]), r"item_ids\[69\]: found True"),
    (dict(item_ids=ITEM_IDS[:-1] + ["\ud800"]), "cannot be written as UTF-8"),
    (dict(seen=SEEN[:-1]), "seen: has 8 rows, expected 9"),
    (dict(seen=[[70]] + [[]] * 8), "seen, row 0: found column 70, expected 0 to 69"),
    (dict(seen=[["ü–1"]] + [[]] * 8), "seen, row 0: found 'ü–1', expected the row number of an item"),
    (dict(seen={"nobody": []}), "found user 'nobody'"),
    (dict(seen={USER_IDS[0]: ["nothing"]}), "found item 'nothing'"),
    (dict(seen_weights=[[1], [], [1], [1], [], [], [], [1, 1], [1]]), "seen, row 0: has 1 weights, expected 3"),
    (dict(recommendations={"nobody": []}), "recommendations: found user 'nobody'"),
    (dict(recommendations={USER_IDS[0]: ["nothing"]}), "recommendations, user 'user 0': found item 'nothing'"),
    (dict(recommendations={USER_IDS[0]: [ITEM_IDS[1], ITEM_IDS[1]]}), "row 0: found item 1 a second time"),
    (dict(recommendations={USER_IDS[3]: [(ITEM_IDS[1], 1), (ITEM_IDS[2], 2)]}), "row 3: found score 2.0 after 1.0"),
    (dict(recommendations={USER_IDS[3]: [(ITEM_IDS[1], float("nan"))]}), "row 3: found score nan"),
    (dict(recommendations={USER_IDS[3]: {ITEM_IDS[1]: 1e39}}), "row 3: found score inf"),
    (dict(recommendations={USER_IDS[3]: {ITEM_IDS[1]: "much"}}), "found score 'much', expected a number"),
    (dict(recommendations={USER_IDS[3]: ITEM_IDS[1]}), "found one str, expected a list"),
    (dict(recommendations=[[1]]), "expected {user id: "),
    (dict(recommendations=bundle.Rows(np.zeros(9), np.zeros(0))), "recommendations: has 8 rows, expected 9"),
    (dict(recommendations=bundle.Rows(np.array([0, 1] + [1] * 8), np.array([70]))), "row 0: found item 70, expected 0 to 69"),
    (dict(recommendations=bundle.Rows(np.array([0, 1] + [1] * 8), np.array([7]), np.zeros(2))), "scores are float64 of shape"),
    (dict(recommendations={}, user_ids=[], users=None, seen=None), "recommendations: given without user_ids"),
    (dict(names=["a"]), "names: has 1 entries, expected 70"),
    (dict(categories=["a"]), "categories: has 1 entries"),
    (dict(attributes={"a b": np.zeros(70)}), "attributes: found the name 'a b'"),
    (dict(attributes={"price": np.full(70, np.inf)}), "or NaN for unknown"),
    (dict(popularity=-np.arange(70)), r"popularity\[1\]: found -1.0, expected a finite number ≥ 0"),
    (dict(fold_in="guess"), "fold_in: found 'guess', expected one of ridge"),
    (dict(fold_in_lambda=-1), "fold_in_lambda: found -1"),
    (dict(fold_in_lambda=float("nan")), "fold_in_lambda: found nan"),
    (dict(metric="euclid"), "expected one of dot, cosine"),
    (dict(space="Mine"), "space 'Mine': expected a name"),
    (dict(default_space="other"), "default_space: found 'other'"),
    (dict(model="m" * 257), "model: found"),
    (dict(items=None, users=None), "there is no space"),
    (dict(spaces={"more": Space()}), "space 'more': expected `items`"),
], ids=lambda value: None if isinstance(value, str) else "-".join(value))
def test_mistakes_are_named_and_nothing_is_written(tmp_path, change, says):
    path = tmp_path / "b.safetensors"
    path.write_bytes(b"what was there before")
    with pytest.raises(BundleError, match=says):
        bundle.write(path, **everything(**change))
    assert path.read_bytes() == b"what was there before"
    assert [each.name for each in tmp_path.iterdir()] == ["b.safetensors"], "no temporary file is left"


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    from kindred import _file

    def fail(tensors, name, metadata):
        with open(name, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_file, "save_file", fail)
    with pytest.raises(OSError, match="No space left"):
        bundle.write(tmp_path / "b.safetensors", **everything())
    assert not list(tmp_path.iterdir())


def test_integers_are_ids(tmp_path):
    path = tmp_path / "b.safetensors"
    bundle.write(path, items=ITEMS[:3], item_ids=np.array([10, 20, 30]))
    assert bundle.read(path).item_ids == ["10", "20", "30"]


@pytest.mark.parametrize("content, says", [
    (b"", "not a safetensors file"), (b"\x00" * 100, "not a safetensors file"), (b"\xff" * 100, "not a safetensors file"),
    (b"PK\x03\x04" + b"x" * 90, "not a safetensors file")])
def test_files_that_are_no_bundles(tmp_path, content, says):
    path = tmp_path / "b.safetensors"
    path.write_bytes(content)
    for function in (bundle.read, bundle.info):
        with pytest.raises(BundleError, match=says):
            function(path)
    with pytest.raises(BundleError, match="not found"):
        bundle.read(tmp_path / "gone")


def test_a_truncated_bundle_is_refused(tmp_path):
    path = tmp_path / "b.safetensors"
    bundle.write(path, **everything())
    whole = path.read_bytes()
    for size in (4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(BundleError):
            bundle.read(path)


def test_a_bundle_without_users_is_valid(tmp_path, valid):
    path = tmp_path / "b.safetensors"
    Bundle(item_ids=["one"], spaces={"default": Space(items=np.ones((1, 1)))}).write(path)
    valid(path)
    assert bundle.read(path).user_ids == []
