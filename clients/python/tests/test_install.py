"""`pip install ./clients/python` into a clean environment: the package works there, typed, and leaves no trace in the source."""
import shutil
import subprocess
import sys

import pytest


def run(*arguments, **options):
    return subprocess.run([str(each) for each in arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=280, **options)


def test_pip_install(package, tmp_path):
    def files():
        return sorted(str(path) for path in package.rglob("*") if "__pycache__" not in path.parts and "tests" not in path.parts)

    before = files()
    venv = tmp_path / "venv"
    made = run(sys.executable, "-m", "venv", venv)
    assert made.returncode == 0, made.stderr
    python = venv / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", package)
    if installed.returncode != 0 and ("NewConnectionError" in installed.stderr or "No matching distribution" in installed.stderr):
        pytest.skip(f"PyPI is not reachable: {installed.stderr.strip()[-200:]}")
    assert installed.returncode == 0, installed.stderr
    assert files() == before, "installing wrote into the source"

    script = ("import kindred, kindred.legacy, numpy, pathlib, importlib.metadata as m\n"
              "kindred.bundle.write('b.safetensors', items=numpy.ones((3, 2)), item_ids=['a', 'b', 'c'])\n"
              "print(kindred.bundle.info('b.safetensors').items, kindred.__version__ == m.version('kindred'))\n"
              "print((pathlib.Path(kindred.__file__).parent / 'py.typed').exists(), m.metadata('kindred')['License-Expression'])\n"
              "print(sorted(r.split('>')[0] for r in m.requires('kindred') if 'extra' not in r))\n"
              "print(sorted(m.metadata('kindred').get_all('Provides-Extra')))\n")
    result = run(python, "-I", "-c", script, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["3 True", "True Apache-2.0", "['numpy', 'safetensors']",
                                          "['gensim', 'implicit', 'legacy', 'pandas', 'scikit-learn', 'seal']"]
    result = run(python, "-I", "-m", "kindred.legacy", "--help", cwd=tmp_path)
    assert result.returncode == 0 and "convert" in result.stdout
    shutil.rmtree(venv)
