"""`kindred publish`: a bundle into a model store as a version, checked, whole or not at all."""
import os
import pathlib
import subprocess
import time

import pytest

import bundles


@pytest.fixture
def publish(kindred, tmp_path):
    """publish(FILE, *flags) → the finished process; into tmp_path/models/tiny."""
    return lambda file, *flags: kindred("publish", file, tmp_path / "models" / "tiny", *flags)


@pytest.fixture
def packed(kindred, tmp_path):
    """packed(name, scale=1, model="tiny") → a sealed bundle of the tiny model, its items `scale` times as long."""

    def make(name, scale=1.0, model="tiny"):
        raw = bundles.write_raw_bundle(tmp_path / f"raw-{name}", bundles.RAW_USER_IDS, bundles.RAW_USERS,
                                       bundles.RAW_ITEM_IDS, scale * bundles.RAW_ITEMS)
        result = kindred("pack", "--in", raw, "--out", tmp_path / name, "--model", model)
        assert result.returncode == 0, result.stderr
        return tmp_path / name

    return make


def names(folder):
    return sorted(path.name for path in pathlib.Path(folder).iterdir())


def test_versions_follow_one_another_and_are_served(publish, packed, tmp_path, server, kindred):
    first, second = packed("a"), packed("b", 2)
    done = publish(first)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["version"] == "1" and lines["digest"].startswith("xxh128:")
    assert lines["published"].startswith(str(tmp_path / "models/tiny/1/bundle.safetensors"))
    assert publish(second).returncode == 0
    assert names(tmp_path / "models/tiny") == ["1", "2"]
    assert (tmp_path / "models/tiny/2/bundle.safetensors").read_bytes() == second.read_bytes()
    assert names(tmp_path / "models/tiny/2") == ["bundle.safetensors"]
    running = server(tmp_path / "models")
    answer = kindred("query", "recommend", "--user", "u0", "--json", "--server", running.address)
    assert '"version":"2"' in answer.stdout, answer.stdout + answer.stderr


def test_the_same_again_changes_nothing(publish, packed, tmp_path):
    file = packed("a")
    assert publish(file).returncode == 0
    before = os.stat(tmp_path / "models/tiny/1/bundle.safetensors")
    for flags in [(), ("--version", 1)]:
        again = publish(file, *flags)
        assert again.returncode == 0 and again.stdout.startswith("there"), again.stdout + again.stderr
    assert names(tmp_path / "models/tiny") == ["1"]
    assert os.stat(tmp_path / "models/tiny/1/bundle.safetensors").st_mtime_ns == before.st_mtime_ns


def test_a_version_is_never_replaced(publish, packed, tmp_path):
    first = packed("a")
    assert publish(first, "--version", 7).returncode == 0
    refused = publish(packed("b", 2), "--version", 7)
    assert refused.returncode == 1
    assert "version 7 of model 'tiny' exists and is not this bundle" in refused.stderr
    assert "without --version it is 8" in refused.stderr
    assert (tmp_path / "models/tiny/7/bundle.safetensors").read_bytes() == first.read_bytes()
    assert names(tmp_path / "models/tiny") == ["7"]


def test_what_is_not_valid_is_not_published(publish, packed, tmp_path, kindred):
    file = packed("a")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    damaged = publish(file)
    assert damaged.returncode == 1 and str(file) in damaged.stderr and "tensor" in damaged.stderr
    assert not (tmp_path / "models").exists()
    other = publish(packed("b", model="shoes"))
    assert other.returncode == 1 and "bundle of model 'shoes'" in other.stderr and "--model tiny" in other.stderr
    at = kindred("publish", file, tmp_path / "models" / "ti@ny")
    assert at.returncode == 1 and "'ti@ny' is no name for a model" in at.stderr and "'@'" in at.stderr
    assert publish(tmp_path / "nothing").returncode == 2
    assert publish(file, "--version", 0).returncode == 2


def test_a_raw_bundle_is_published_too_and_known_again(publish, tmp_path):
    raw = bundles.write_raw_bundle(tmp_path / "raw.safetensors", bundles.RAW_USER_IDS, bundles.RAW_USERS,
                                   bundles.RAW_ITEM_IDS, bundles.RAW_ITEMS)
    assert publish(raw).stdout.startswith("published")
    assert publish(raw).stdout.startswith("there")


def test_many_publishers_at_once_get_a_version_each(packed, bin_dir, tmp_path):
    files = [packed(f"b{n}", 1 + n) for n in range(6)]
    running = [subprocess.Popen([bin_dir / "kindred", "publish", file, tmp_path / "models/tiny", "--quiet"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for file in files]
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert names(tmp_path / "models/tiny") == [str(n) for n in range(1, 7)]
    published = {(tmp_path / f"models/tiny/{n}/bundle.safetensors").read_bytes() for n in range(1, 7)}
    assert published == {file.read_bytes() for file in files}


def test_leftovers_go_when_they_are_old_and_nobody_has_them(publish, packed, tmp_path):
    old, young = tmp_path / "models/tiny/.publish-old", tmp_path / "models/tiny/.publish-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "bundle.safetensors").write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    assert publish(packed("a")).returncode == 0
    assert names(tmp_path / "models/tiny") == [".publish-young", "1"]


def test_no_space_is_said_and_leaves_nothing(packed, bin_dir, tmp_path):
    """A file may grow no further than the limit, as on a disk that is full."""
    file = packed("a")
    limited = subprocess.run(["bash", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$0" "$@"', bin_dir / "kindred", "publish", file,
                              tmp_path / "models/tiny", "--quiet"], capture_output=True, text=True, timeout=60,
                             stdin=subprocess.DEVNULL)
    assert limited.returncode == 1 and "cannot copy" in limited.stderr and "File too large" in limited.stderr
    assert names(tmp_path / "models/tiny") == []
