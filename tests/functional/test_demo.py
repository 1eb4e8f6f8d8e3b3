"""scripts/demo.sh over the built programs: what a person sees first."""
import os
import re
import subprocess


def run_demo(repo, bin_dir, demo_dir):
    env = {**os.environ, "KINDRED_BIN_DIR": str(bin_dir), "KINDRED_DEMO_DIR": str(demo_dir)}
    result = subprocess.run([str(repo / "scripts/demo.sh")], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=280, env=env, cwd="/")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def recommended(section):
    """Item ids of the first table of recommendations in `section`."""
    table = section.split("category", 1)[1]
    return re.findall(r"^ +\d+  (\d+)  ", table, re.M)


def test_demo(repo, bin_dir, tmp_path):
    out = run_demo(repo, bin_dir, tmp_path / "demo")
    assert out.splitlines()[-1] == "demo: ok"
    assert (tmp_path / "demo/models/groceries/1/bundle.safetensors").exists()
    assert "VALID" in out and "kindred-server ready: grpc=127.0.0.1:" in out
    sections = re.split(r"^\d\. ", out, flags=re.M)
    assert len(sections) == 7
    known, similar, newcomer = sections[3:6]
    assert "trained_vector" in known and len(recommended(known)) == 8
    bought = re.findall(r"^ +\d+× +(\d+)", known, re.M)
    assert len(bought) == 8 and not set(bought) & set(recommended(known))
    assert len(recommended(similar)) == 5
    before, after = newcomer.split("It buys three things")
    assert "average" in before and "live_profile" in after
    assert set(recommended(before)) != set(recommended(after)[:5]), "what it bought changed nothing"
    assert "strongest items" in after

    again = run_demo(repo, bin_dir, tmp_path / "demo")
    assert "is up to date" in again and again.splitlines()[-1] == "demo: ok"
    assert recommended(again.split("5. ")[1]) == recommended(newcomer), "the second run begins with the same newcomer"
