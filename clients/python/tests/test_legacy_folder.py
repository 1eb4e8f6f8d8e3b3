"""A legacy folder (requirement C6) becomes a bundle that is served; what is wrong with one is named and nothing is written."""
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from kindred import bundle
from kindred.legacy import LegacyError, __main__ as cli, convert, read_mapping

RNG = np.random.default_rng(3)
N_USERS, N_ITEMS, D = 6, 30, 4
USERS = RNG.normal(size=(N_USERS, D))
ITEMS = RNG.normal(size=(N_ITEMS, D)).astype(np.float32)
USER_IDS = [f"c{u}" for u in range(N_USERS)]
ITEM_IDS = [f"a{i}, \"ö\"" for i in range(N_ITEMS)]
SIMILARITY = np.abs(ITEMS @ ITEMS.T)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "legacy"
    root.mkdir()
    np.save(root / "user_latent_factors.npy", USERS)
    np.save(root / "item_latent_factors.npy", ITEMS)
    (root / "customer_mapping.pkl").write_bytes(pickle.dumps({name: u for u, name in enumerate(USER_IDS)}))
    (root / "item_mapping.pkl").write_bytes(pickle.dumps({i: name for i, name in enumerate(ITEM_IDS)}, 2))
    return root


def test_factors_are_served(folder, tmp_path, serve, kindred_cli):
    np.save(folder / "item_similarity.npy", SIMILARITY)
    (folder / "recommendations.csv").write_text("customer_id,article_id,score\nc0,a1,0.5\nnobody,a2,0.25\n")
    (folder / "notes.txt").write_text("by hand")

    def write(path):
        done = convert(folder, path, model="old", version="1")
        notes = "\n".join(done.notes)
        assert "user_latent_factors.npy: 6 × 4" in notes and "customer_mapping.pkl: 6 ids" in notes
        assert "recommendations.csv: 2 rows are lists for 0 users, by score (0 users without factors" in notes
        assert "2 rows of unknown items" in notes and "notes.txt: not of the legacy set" in notes

    ask = None
    plain = tmp_path / "plain.safetensors"
    write(plain)
    read = bundle.read(plain)
    assert read.item_ids == ITEM_IDS and read.user_ids == USER_IDS and read.source == "legacy"
    assert read.default_space == "collaborative" and set(read.spaces) == {"collaborative", "item_similarity"}
    rows = read.spaces["item_similarity"].rows
    for item in (0, 7):
        others = [i for i in np.argsort(-SIMILARITY[item]) if i != item]
        assert set(rows[item]) == set(others), "all of them: fewer than 100"
    (folder / "item_similarity.npy").unlink()
    write_plain = plain.with_name("served.safetensors")
    convert(folder, write_plain)
    result = kindred_cli("verify", write_plain)
    assert result.returncode == 0, result.stdout + result.stderr
    ask = serve(lambda path: convert(folder, path))
    for user in range(N_USERS):
        scores = USERS[user].astype(np.float32) @ ITEMS.T
        answer = ask("recommend", "--user", USER_IDS[user])
        assert [item["item_id"] for item in answer["items"]] == [ITEM_IDS[i] for i in np.argsort(-scores)[:10]]


def test_the_strongest_neighbors_are_kept(folder):
    np.save(folder / "item_similarity.npy", SIMILARITY)
    rows = convert(folder, neighbors=5).bundle.spaces["item_similarity"].rows
    for item in range(N_ITEMS):
        expected = sorted(sorted((i for i in range(N_ITEMS) if i != item), key=lambda i: -SIMILARITY[item, i])[:5])
        assert list(rows[item]) == expected
        np.testing.assert_array_equal(rows.weights[rows.offsets[item]:rows.offsets[item + 1]], SIMILARITY[item, expected])


LISTS = {
    "score": "rank,customer_id,score,article_id\n1,c0,0.5,{0}\n9,c0,2,{3}\n1,nobody,0.25,{2}\n0,c0,2,{7}\n2,c0,0.1,{3}\n1,eve,1,x\n",
    "rank": "user,rank,item\nc5,3,{1}\nc5,1,{2}\nnobody,1,{9}\nc5,2,{2}\nx,1,nothing\n",
    "the order of the file": "article,customer\n{4},c1\n{2},zoe\n{4},c1\n{1},c1\n{1},adam\n",
}


@pytest.fixture(params=LISTS)
def lists(request, folder):
    quoted = ['"' + item.replace('"', '""') + '"' for item in ITEM_IDS]
    (folder / "recommendations.csv").write_text(LISTS[request.param].format(*quoted))
    return request.param


def test_lists_are_read_by_score_rank_or_order(folder, lists):
    done = convert(folder)
    assert any(f"users, by {lists} (" in note for note in done.notes)
    rows, users = done.bundle.recommendations, list(done.bundle.user_ids)
    found = {user: list(zip(rows[row], rows.weights[rows.offsets[row]:rows.offsets[row + 1]]))
             for row, user in enumerate(users) if len(rows[row])}
    assert found == {"score": {"c0": [(7, 2), (3, 2), (0, 0.5)], "nobody": [(2, 0.25)]},
                     "rank": {"c5": [(2, 1), (1, 0.5)], "nobody": [(9, 1)]},
                     "the order of the file": {"c1": [(4, 1), (1, 0.5)], "zoe": [(2, 1)], "adam": [(1, 1)]}}[lists]
    assert users[:N_USERS] == USER_IDS and set(users[N_USERS:]) == set(found) - set(USER_IDS)
    space = done.bundle.spaces["collaborative"]
    np.testing.assert_array_equal(space.users[:N_USERS], USERS.astype(np.float32))
    assert not space.users[N_USERS:].any()
    np.testing.assert_allclose(space.average, USERS.mean(axis=0), rtol=1e-5)


def test_as_kindred_pack_reads_lists(folder, lists, tmp_path, kindred_cli):
    test_as_kindred_pack_reads_it(folder, tmp_path, kindred_cli)


def test_as_kindred_pack_reads_it(folder, tmp_path, kindred_cli):
    """`kindred pack --legacy` reads the JSON that `mapping` writes, and makes the same matrices, lists and ids."""
    ours = tmp_path / "ours.safetensors"
    convert(folder, ours)
    for stem in ("customer_mapping", "item_mapping"):
        assert cli.main(["mapping", str(folder / f"{stem}.pkl"), "--out", str(folder / f"{stem}.json")]) == 0
    theirs = tmp_path / "theirs.safetensors"
    result = kindred_cli("pack", "--legacy", folder, "--out", theirs)
    assert result.returncode == 0, result.stdout + result.stderr
    mine, packed = bundle.read(ours), bundle.read(theirs)
    assert mine.item_ids == packed.item_ids and mine.user_ids == packed.user_ids
    assert mine.default_space == packed.default_space
    assert (mine.recommendations is None) == (packed.recommendations is None)
    for part in ("offsets", "values", "weights") if mine.recommendations else ():
        np.testing.assert_array_equal(getattr(mine.recommendations, part), getattr(packed.recommendations, part))
    if mine.spaces["collaborative"].average is not None:
        np.testing.assert_array_equal(mine.spaces["collaborative"].average, packed.spaces["collaborative"].average)
    for part in ("items", "users"):
        np.testing.assert_array_equal(getattr(mine.spaces["collaborative"], part),
                                      getattr(packed.spaces["collaborative"], part))


def test_content_half_alone(tmp_path):
    root = tmp_path / "cb"
    root.mkdir()
    np.save(root / "article_similarity_matrix.npy", SIMILARITY)
    np.save(root / "article_text_embeddings.npy", ITEMS)
    (root / "article_id_to_idx.pkl").write_bytes(pickle.dumps({name: i for i, name in enumerate(ITEM_IDS)}))
    made = convert(root).bundle
    assert set(made.spaces) == {"content", "content_similarity"} and list(made.item_ids) == ITEM_IDS
    np.testing.assert_array_equal(made.spaces["content"].items, ITEMS)


def test_articles_are_placed_by_id(folder):
    """Articles in another order than the items, some unknown, some missing."""
    order = [f"other{i}" for i in range(5)] + ITEM_IDS[::-2]
    embeddings = RNG.normal(size=(len(order), 3)).astype(np.float32)
    similarity = np.abs(RNG.normal(size=(len(order), len(order))))
    np.save(folder / "article_text_embeddings.npy", embeddings)
    np.save(folder / "article_similarity_matrix.npy", similarity)
    (folder / "article_id_to_idx.pkl").write_bytes(pickle.dumps(order))
    done = convert(folder, neighbors=3)
    assert any("5 articles that are no items of item_mapping left out" in note for note in done.notes)
    content, near = done.bundle.spaces["content"].items, done.bundle.spaces["content_similarity"].rows
    for item, name in enumerate(ITEM_IDS):
        if name not in order:
            assert not content[item].any() and len(near[item]) == 0
            continue
        at = order.index(name)
        np.testing.assert_array_equal(content[item], embeddings[at])
        best = sorted((a for a in range(5, len(order)) if a != at), key=lambda a: -similarity[at, a])[:3]
        assert sorted(near[item]) == sorted(ITEM_IDS.index(order[a]) for a in best)


@pytest.mark.parametrize("value, expected", [
    ({"x": 1, "y": 0}, ["y", "x"]), ({0: "y", 1: "x"}, ["y", "x"]), (["y", "x"], ["y", "x"]), (("y", "x"), ["y", "x"]),
    (np.array(["y", "x"]), ["y", "x"]), (np.array(["y", "x"], object), ["y", "x"]), ({"x": np.int64(1), "y": np.int32(0)}, ["y", "x"]),
    ({700: 1, 800: 0}, ["800", "700"]), ({"1": 0, "0": 1}, ["1", "0"]), ({0: 0, 1: 1}, ["0", "1"]), ({0: "1", 1: "0"}, ["1", "0"]),
    ({"to_row": {"x": 1, "y": 0}, "to_id": {0: "y", 1: "x"}}, ["y", "x"]), (({"x": 1, "y": 0}, {0: "y", 1: "x"}), ["y", "x"]),
    ({b"x": 1, b"y": 0}, ["y", "x"]),
], ids=str)
def test_mappings_in_either_direction(tmp_path, value, expected):
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(value))
    assert read_mapping(path, 2) == expected
    assert read_mapping(path) == expected


@pytest.mark.parametrize("value, says", [
    ({"x": 0, "y": 0}, "row 0 is given a second time"), ({"x": 0, "y": 2}, "found row '2', expected a number below 2"),
    ({"x": 0}, "has 1 entries, expected 2, the rows of the matrix; row 1 has no id"), ({"": 0, "y": 1}, "row 0 has an empty id"),
    ({"x" * 1025: 0, "y": 1}, "has 1025 bytes"), ({0: "x", 1: "x"}, "the id 'x' is given a second time"),
    ({"x": 0.0, "y": 1.0}, "found 0.0, expected an id or a row number"), ({"x": -1, "y": 0}, "found row '-1'"),
    ({0: 1, 1: 0}, "cannot be told which are the ids"), ("text", "found 'text', expected"), (None, "found None"),
    (np.zeros((2, 2)), "expected a vector of ids"), (["x", None], "entry 1 is None"),
    ({"a": {"x": 1, "y": 0}, "b": {0: "x", 1: "y"}}, "disagree"),
], ids=str)
def test_wrong_mappings_are_named(tmp_path, value, says):
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(LegacyError, match=says) as error:
        read_mapping(path, 2)
    assert str(path) in str(error.value)


def save_truncated(path):
    np.save(path, ITEMS)
    data = path.read_bytes()
    path.write_bytes(data[:-100])


@pytest.mark.parametrize("name, change, says", [
    ("item_latent_factors.npy", save_truncated, "cannot be read as a .npy matrix"),
    ("item_latent_factors.npy", lambda p: p.write_bytes(b""), "cannot be read as a .npy matrix"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.array([{}, 1], object), allow_pickle=True), "cannot be read as a .npy"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.zeros(5)), r"shape \(5,\)"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.zeros((0, 4))), r"shape \(0, 4\)"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.zeros((30, 4), complex)), "complex128, expected"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.zeros((30, 3))), "expected the same number of factors"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.where(np.arange(120).reshape(30, 4) == 9, np.nan, 1)),
     "has nan in row 2, column 1"),
    ("item_latent_factors.npy", lambda p: np.save(p, np.zeros((31, 4))), "item_mapping.pkl: has 30 entries, expected 31"),
    ("item_latent_factors.npy", lambda p: p.unlink(), "has no item_latent_factors.npy"),
    ("customer_mapping.pkl", lambda p: p.unlink(), "has no customer_mapping.pkl"),
    ("customer_mapping.pkl", lambda p: p.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR."), "found the name 'os.system'"),
    ("customer_mapping.pkl", lambda p: p.write_bytes(p.read_bytes()[:20]), "truncated"),
    ("customer_mapping.pkl", lambda p: p.write_text("user,idx\nx,0\n"), "damaged or not a pickle|found"),
    ("item_similarity.npy", lambda p: np.save(p, np.zeros((30, 29))), "as many columns as rows"),
    ("item_similarity.npy", lambda p: np.save(p, np.zeros((29, 29))), "has 29 rows, expected those of item_latent_factors"),
    ("recommendations.csv", lambda p: p.write_text("a,b\n1,2\n"), "has columns a, b, expected one of customer_id"),
    ("recommendations.csv", lambda p: p.write_text("user_id,item_id,score\nc0,a,much\n"), "record 2: found 'much' as score"),
    ("recommendations.csv", lambda p: p.write_text("user_id,item_id,rank\nc0,a,nan\n"), "record 2: found 'nan' as rank"),
    ("recommendations.csv", lambda p: p.write_text("user_id,item_id\nc0\n"), "record 2: has 1 columns, expected 2"),
    ("recommendations.csv", lambda p: p.write_text('user_id,item_id\n,"a0, ""ö"""\n'), "expected an id of 1 to 1024 bytes"),
    ("recommendations.csv", lambda p: p.write_bytes(b"customer_id,article_id\n\xff,1\n"), "cannot be read as CSV"),
    ("tfidf_vectorizer.pkl", lambda p: p.write_bytes(pickle.dumps({"vocabulary_": {}})), "expected a TfidfVectorizer"),
    ("price_scaler.pkl", lambda p: p.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR."), "found the name 'os.system'"),
    ("article_text_embeddings.npy", lambda p: np.save(p, np.zeros((30, 2))), "has no article_id_to_idx"),
])
def test_what_is_wrong_is_named_and_nothing_written(folder, tmp_path, name, change, says, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    change(folder / name)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(LegacyError, match=says) as error:
        convert(folder, tmp_path / "out.safetensors")
    assert str(folder) in str(error.value)
    assert cli.main(["convert", str(folder), "--out", "out.safetensors"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and "Traceback" not in said.err
    assert sorted(os.listdir(tmp_path)) == before


def test_command_line(folder, tmp_path, package):
    out = tmp_path / "b.safetensors"
    environment = {**os.environ, "PYTHONPATH": str(package / "src")}
    result = subprocess.run([sys.executable, "-m", "kindred.legacy", "convert", str(folder), "--out", str(out), "--model", "old"],
                            capture_output=True, text=True, env=environment, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{out}: 30 items, 6 users, spaces collaborative"
    assert bundle.info(out).model == "old"
    result = subprocess.run([sys.executable, "-m", "kindred.legacy", "convert", str(tmp_path / "gone"), "--out", str(out)],
                            capture_output=True, text=True, env=environment, timeout=60)
    assert result.returncode == 1 and result.stderr == f"error: {tmp_path / 'gone'}: there is no such folder\n"


def test_mapping_command_writes_a_list(folder, tmp_path):
    assert cli.main(["mapping", str(folder / "item_mapping.pkl"), "--out", str(tmp_path / "m.json")]) == 0
    assert json.loads((tmp_path / "m.json").read_text()) == ITEM_IDS
    assert read_mapping(tmp_path / "m.json", N_ITEMS) == ITEM_IDS
