"""Bundles cross the border to Python both ways; the examples of docs/bundle_format.md are what runs here."""
import json
import pathlib
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/bundle_format.md"


def examples():
    """The Python blocks of the document, in order."""
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.S | re.M)
    assert len(blocks) == 2, "docs/bundle_format.md has two Python blocks: writing a raw bundle, checking a seal"
    return blocks


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """raw.safetensors, written by the ten lines of the document; and the arrays that they wrote."""
    source = examples()[0]
    assert len(source.splitlines()) == 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(source, str(DOCUMENT), "exec"), names)
    return tmp_path / "raw.safetensors", names["tensors"]


def check_seal(path):
    names = {}
    exec(compile(examples()[1], str(DOCUMENT), "exec"), names)
    return names["check_seal"](path)


def packed(kindred, raw_path):
    out = raw_path.parent / "bundle.safetensors"
    result = kindred("pack", "--in", raw_path, "--out", out, "--model", "mine", "--model-version", "7")
    assert result.returncode == 0, result.stderr
    return out


def test_ten_lines_of_python_make_a_valid_bundle(kindred, raw):
    path, _ = raw
    result = kindred("verify", path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "VALID" in result.stdout
    result = kindred("inspect", path, "--json")
    assert result.returncode == 0, result.stderr
    text = json.dumps(json.loads(result.stdout))
    assert "300" in text and "40" in text and "external" in text


def test_a_packed_bundle_opens_in_python_with_equal_matrices(kindred, raw):
    path, written = raw
    bundle = packed(kindred, path)
    read = load_file(bundle)
    for name, array in written.items():
        assert read[name].dtype == array.dtype, name
        np.testing.assert_array_equal(read[name], array, err_msg=name)
    assert "space.default.q.codes" in read and "items.ids.index" in read
    np.testing.assert_allclose(read["space.default.gram"],
                               written["space.default.items"].astype(np.float64).T @ written["space.default.items"],
                               rtol=1e-6, atol=1e-6)


def test_the_documented_seal_is_the_one_written(kindred, raw):
    bundle = packed(kindred, raw[0])
    digest = check_seal(bundle)
    assert digest in kindred("inspect", bundle, "--json").stdout

    damaged = bytearray(bundle.read_bytes())
    damaged[-1] ^= 1
    bundle.write_bytes(damaged)
    with pytest.raises(AssertionError):
        check_seal(bundle)
    result = kindred("verify", bundle)
    assert result.returncode == 1
    assert "tensor" in result.stdout + result.stderr and "expected" in result.stdout + result.stderr


def test_a_rewrite_in_python_is_a_raw_bundle_again(kindred, raw):
    bundle = packed(kindred, raw[0])
    copy = bundle.parent / "copy.safetensors"
    save_file(load_file(bundle), copy)
    result = kindred("verify", copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("change, says", [
    (lambda t: t.update({"space.default.item": t.pop("space.default.items")}), "space.default.items"),
    (lambda t: t.update({"space.default.items": t["space.default.items"].astype(np.float64)}), "expected F32"),
    (lambda t: t.update({"space.default.items": t["space.default.items"][:-1]}), "n_items = 300"),
    (lambda t: t.update({"space.default.users": t["space.default.users"] * np.float32(np.nan)}), "nan"),
    (lambda t: t.pop("items.ids.offsets"), "items.ids.offsets"),
], ids=["misspelt_name", "float64_factors", "row_missing", "nan", "ids_without_offsets"])
def test_mistakes_of_a_python_writer_are_named(kindred, raw, change, says):
    path, tensors = raw
    change(tensors)
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    result = kindred("verify", path)
    assert result.returncode == 1
    assert says in result.stdout + result.stderr
