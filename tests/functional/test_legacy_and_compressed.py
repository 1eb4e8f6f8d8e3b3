"""Legacy folders as NumPy and pickle write them, and bundles compressed for transport."""
import collections
import json
import pickle

import numpy as np
import pyarrow
import pytest
from safetensors.numpy import load_file

USERS = [f"user-{row}" for row in range(40)]
ITEMS = [f"article-{row}" for row in range(60)]


@pytest.fixture
def folder(tmp_path):
    """The legacy set of requirement C6; returns (folder, user factors, item factors, article vectors)."""
    random = np.random.default_rng(7)
    root = tmp_path / "models"
    root.mkdir()
    users, items, articles = random.normal(size=(40, 8)), random.normal(size=(60, 8)).astype("f4"), random.normal(size=(50, 5))
    np.save(root / "user_latent_factors.npy", users)
    np.save(root / "item_latent_factors.npy", np.asfortranarray(items))
    np.save(root / "item_similarity.npy", items @ items.T)
    np.save(root / "article_text_embeddings.npy", articles)
    np.save(root / "article_similarity_matrix.npy", articles @ articles.T)
    dump(root, "customer_mapping.pkl", {user: row for row, user in enumerate(USERS)})
    dump(root, "item_mapping.pkl", {row: item for row, item in enumerate(ITEMS)})
    dump(root, "article_id_to_idx.pkl", {item: np.int64(row) for row, item in enumerate(reversed(ITEMS[10:]))})
    dump(root, "tfidf_vectorizer.pkl", collections.Counter("of a class"))
    dump(root, "price_scaler.pkl", collections.Counter("of a class"))
    (root / "recommendations.csv").write_text("customer_id,article_id,score\nguest,article-3,2\nguest,article-1,1\n")
    return root, users, items, articles


def dump(root, name, value, protocol=pickle.DEFAULT_PROTOCOL):
    (root / name).write_bytes(pickle.dumps(value, protocol))


def pack(kindred, root, out, *flags):
    return kindred("pack", "--legacy", root, "--out", out, "--model", "old", "--model-version", "3", *flags)


def test_a_legacy_folder_becomes_a_bundle(kindred, folder, tmp_path):
    root, users, items, articles = folder
    result = pack(kindred, root, tmp_path / "b.safetensors")
    assert result.returncode == 0, result.stderr
    for note in ("customer_mapping.pkl: the ids of the rows", "article_text_embeddings.npy: the space content",
                 "article_similarity_matrix.npy: recognised", "tfidf_vectorizer.pkl: recognised", "price_scaler.pkl: recognised"):
        assert note in result.stdout
    tensors = load_file(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(tensors["space.collaborative.users"][:40], users.astype("f4"))
    np.testing.assert_array_equal(tensors["space.collaborative.items"], items)
    np.testing.assert_array_equal(tensors["space.content.items"][10:], articles[::-1].astype("f4"))
    assert not tensors["space.content.items"][:10].any()
    assert kindred("verify", tmp_path / "b.safetensors").stdout.startswith("VALID")
    info = json.loads(kindred("inspect", "--json", tmp_path / "b.safetensors").stdout)
    assert (info["model"], info["version"], info["users"], info["items"]) == ("old", "3", 41, 60)
    assert info["spaces"]["content"]["fold_in"] == "mean" and info["recommendations"] == 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("make", [
    lambda rows: rows, dict, collections.OrderedDict, lambda rows: {row: item for item, row in rows},
    lambda rows: {np.str_(item).item(): np.int32(row) for item, row in rows},
    lambda rows: [item for item, _ in rows], lambda rows: tuple(item for item, _ in rows),
    lambda rows: {"id_to_row": dict(rows), "row_to_id": {row: item for item, row in rows}},
    lambda rows: {item.encode(): row for item, row in rows},
    lambda rows: collections.defaultdict(int, rows),
], ids=["pairs", "dict", "ordered", "rows", "numpy", "list", "tuple", "both", "bytes", "default"])
def test_pickled_mappings_of_every_form_and_protocol(kindred, folder, tmp_path, make, protocol):
    root, *_ = folder
    dump(root, "item_mapping.pkl", make([(f"né {item}", row) for row, item in enumerate(ITEMS)]), protocol)
    result = pack(kindred, root, tmp_path / "b.safetensors")
    if make([("a", 0)]) == [("a", 0)]:  # pairs are no mapping
        assert result.returncode == 1 and "entry 0 is a list or tuple" in result.stderr
        return
    # None of the ids is an article any more, which is said; without articles the folder is packed.
    assert result.returncode == 1 and "none of its 50 ids" in result.stderr
    (root / "article_text_embeddings.npy").unlink()
    result = pack(kindred, root, tmp_path / "b.safetensors")
    assert result.returncode == 0, result.stderr
    tensors = load_file(tmp_path / "b.safetensors")
    assert tensors["items.ids.bytes"].tobytes().decode() == "".join(f"né {item}" for item in ITEMS)


class Reached:
    def __reduce__(self):
        return (open, ("reached", "w"))


def test_nothing_of_a_pickle_is_executed(kindred, folder, tmp_path):
    root, *_ = folder
    dump(root, "item_mapping.pkl", {"a": Reached()})
    result = pack(kindred, root, tmp_path / "b.safetensors")
    assert result.returncode == 1
    assert "item_mapping.pkl, byte" in result.stderr and "it was not executed" in result.stderr
    assert "'io.open'" in result.stderr or "'_io.open'" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


def test_a_compressed_bundle_is_inspected_verified_and_unpacked(kindred, folder, tmp_path):
    root, *_ = folder
    bundle, compressed, again = tmp_path / "b.safetensors", tmp_path / "b.safetensors.zst", tmp_path / "again.safetensors"
    assert pack(kindred, root, bundle).returncode == 0
    result = kindred("compress", bundle)
    assert result.returncode == 0, result.stderr
    assert pyarrow.input_stream(compressed, compression="zstd").read() == bundle.read_bytes()
    plain, packed = (json.loads(kindred("inspect", "--json", path).stdout) for path in (bundle, compressed))
    assert packed.pop("compressed") and not plain.pop("compressed")
    assert {**packed, "path": ""} == {**plain, "path": ""}
    assert "compressed in this file" in kindred("inspect", compressed).stdout
    verified = kindred("verify", compressed, env={"TMPDIR": str(tmp_path)})
    assert verified.returncode == 0 and verified.stdout.startswith(f"VALID\npath             {compressed}\n")
    result = kindred("unpack", compressed, again)
    assert result.returncode == 0, result.stderr
    assert again.read_bytes() == bundle.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "again.safetensors", "b.safetensors", "b.safetensors.zst", "models"]


def test_pack_writes_it_compressed(kindred, folder, tmp_path):
    root, *_ = folder
    result = pack(kindred, root, tmp_path / "b.safetensors", "--compress")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.safetensors.zst", "models"]
    assert kindred("verify", tmp_path / "b.safetensors.zst").stdout.startswith("VALID")


def test_what_cannot_be_unpacked_is_named_and_leaves_nothing(kindred, folder, tmp_path):
    root, *_ = folder
    compressed, out = tmp_path / "b.safetensors.zst", tmp_path / "out.safetensors"
    assert pack(kindred, root, tmp_path / "b.safetensors", "--compress").returncode == 0
    good = compressed.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for bytes_, what in ((good[:-1], "truncated"), (bytes(flipped), "byte"), (b"PK\3\4" + good, "magic of a zstd frame")):
        compressed.write_bytes(bytes_)
        result = kindred("unpack", compressed, out)
        assert result.returncode == 1 and str(compressed) in result.stderr and what in result.stderr, result.stderr
        assert kindred("verify", compressed).returncode == 1
    compressed.write_bytes(good)
    result = kindred("unpack", compressed, out, "--max-bytes", 1000)
    assert result.returncode == 1 and "expected at most 1000" in result.stderr
    assert kindred("unpack", tmp_path / "none.zst", out).returncode == 2
    assert kindred("unpack", compressed, compressed).returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.safetensors.zst", "models"]
