"""Every command block of the README works, in order, against the built programs.

Blocks marked `sh run` are run, the one marked `sh server` starts the server they ask; `sh` alone is for make.
"""
import os
import re
import subprocess


def blocks(text, info):
    return re.findall(rf"^```{info}\n(.*?)^```$", text, re.M | re.S)


def test_readme_commands(repo, bin_dir, sample_store, server, tmp_path):
    text = (repo / "README.md").read_text()

    def adapt(script):
        for written, used in [("$PWD/build/release/bin", bin_dir), ("build/demo/models", sample_store),
                              ("build/demo/profiles", tmp_path / "profiles"), ("build/mine", tmp_path / "mine")]:
            script = script.replace(written, str(used))
        return script

    (start,) = blocks(text, "sh server")
    command = adapt(start).replace("\\\n", " ").split()
    assert command[0] == "kindred-server" and len(command) == 9
    assert command[1::2] == ["--models", "--profiles", "--items", "--model-state"]
    running = server(command[2], profiles=command[4])
    env = {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "KINDRED_SERVER": running.address}
    found = blocks(text, "sh run")
    assert len(found) >= 5
    for block in found:
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", adapt(block)], cwd=repo, env=env, capture_output=True,
                                text=True, stdin=subprocess.DEVNULL, timeout=120)
        assert result.returncode == 0, f"{block}\n{result.stdout}{result.stderr}"
        assert result.stdout.strip(), f"{block}\nprinted nothing"


def test_every_sh_block_is_run_or_a_make_target(repo):
    text = (repo / "README.md").read_text()
    targets = set(re.findall(r"^(\w+):", (repo / "Makefile").read_text(), re.M))
    for block in blocks(text, "sh"):
        for line in block.splitlines():
            command = re.sub(r"\s+#.*", "", line).split()
            if command and command[0] == "make":
                assert command[1] in targets, f"README names make {command[1]}, which the Makefile does not have"
            else:
                assert command[:2] in ([], ["sudo", "apt-get"], ["git", "clone"]), f"not run by any test: {line}"


def test_links_lead_somewhere(repo):
    for name in ["README.md", "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (repo / name).read_text()):
            assert link.startswith("http") or (repo / link).exists(), f"{name} links to {link}, which does not exist"
