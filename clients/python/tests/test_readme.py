"""Every Python block of the package's README runs, in order, and what it writes is valid."""
import importlib.util
import re

import pytest

# Blocks that need a library of the bench environment.
LIBRARIES = ("pandas", "implicit", "sklearn", "gensim", "scipy")


@pytest.fixture
def run_blocks(package, tmp_path, monkeypatch, kindred_cli):
    """run_blocks(wanted) runs the blocks of which wanted(libraries that they need) is true, and verifies what they write."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", (package / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 7

    def run(wanted):
        names = {}
        for block in blocks:
            needed = [name for name in LIBRARIES if re.search(rf"^(?:from|import) {name}\b", block, re.M)]
            if not wanted(needed):
                continue
            before = set(tmp_path.iterdir())
            exec(compile(block, "README.md", "exec"), names)
            written = set(tmp_path.iterdir()) - before
            assert written
            for path in written:
                result = kindred_cli("verify", path)
                assert result.returncode == 0, result.stdout + result.stderr

    return run


def test_blocks(run_blocks, tmp_path, capsys):
    run_blocks(lambda needed: not needed)
    printed = capsys.readouterr().out
    assert "mine 1 40 300 16" in printed and "(300, 16) [1 7]" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"bundle.safetensors", "two.safetensors", "again.safetensors"}


def test_blocks_with_other_libraries(run_blocks, tmp_path):
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}: scripts/python_env.sh bench tests/bench/requirements.txt")
    run_blocks(lambda needed: True)
    assert len(list(tmp_path.iterdir())) == 7
