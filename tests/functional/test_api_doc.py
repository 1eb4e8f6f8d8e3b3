"""Every example of docs/api.md works: run in order against one server over the model that the document trains.

`sh grpcurl` blocks print JSON that has every key shown in the `json` block behind them, and the same enum values;
`python` blocks run one after another in one session and print what the `text` block behind them shows, word for word;
`sh kindred` blocks succeed line by line. `sh train`, `sh server` and `sh stubs` make what they need.
"""
import contextlib
import io
import json
import os
import re
import subprocess
import sys

import pytest

BLOCK = re.compile(r"^```(\w+(?: \w+)?)\n(.*?)^```$", re.M | re.S)
KINDS = {"sh train", "sh server", "sh stubs", "sh grpcurl", "sh kindred", "python", "json", "text"}


def blocks(text):
    """(heading, kind, body) of every fenced block."""
    out = []
    for match in BLOCK.finditer(text):
        headings = re.findall(r"^#+ (.*)$", text[:match.start()], re.M)
        out.append((headings[-1] if headings else "", match.group(1), match.group(2)))
    return out


def documents(text):
    """The JSON documents that stand one after another in a text."""
    found, decoder = [], json.JSONDecoder()
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found


def missing(shown, real, path="answer"):
    """What of the document's answer the real one lacks."""
    if isinstance(shown, dict):
        if not isinstance(real, dict):
            return [f"{path}: shown as an object, is {real!r}"]
        out = [f"{path}.{key}: not there, only {sorted(real)}" for key in shown if key not in real]
        return out + [m for key in shown if key in real for m in missing(shown[key], real[key], f"{path}.{key}")]
    if isinstance(shown, list):
        if not isinstance(real, list) or len(real) < len(shown):
            return [f"{path}: shown with {len(shown)} entries, is {str(real)[:200]}"]
        return [m for i, value in enumerate(shown) for m in missing(value, real[i], f"{path}[{i}]")]
    if isinstance(shown, str) and re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)+", shown) and shown != real:
        return [f"{path}: shown as {shown}, is {real!r}"]
    return []


@pytest.fixture(scope="module")
def text(repo):
    return (repo / "docs/api.md").read_text()


@pytest.fixture(scope="module")
def doc_store(text, repo, bin_dir, tmp_path_factory):
    """The model store that the document's `sh train` makes."""
    root = tmp_path_factory.mktemp("api_doc")
    (train,) = [body for _, kind, body in blocks(text) if kind == "sh train"]
    result = shell(train.replace("build/api", str(root)), repo, {"PATH": f"{bin_dir}:{os.environ['PATH']}"})
    assert result.returncode == 0, result.stdout + result.stderr
    return root / "models"


def shell(script, repo, env):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=repo, env={**os.environ, **env},
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)


def test_every_block_is_of_a_known_kind(text):
    kinds = [kind for _, kind, _ in blocks(text)]
    assert set(kinds) == KINDS
    assert kinds.count("sh grpcurl") >= 15 and kinds.count("python") >= 15
    assert text.count("\n```") == 2 * len(kinds), "a fenced block without a kind, or without an end"
    for kind, after in zip(kinds, kinds[1:] + ["end"]):
        assert (after == "json") == (kind == "sh grpcurl"), f"{kind} is followed by {after}"
        assert (after == "text") == (kind == "python"), f"{kind} is followed by {after}"


def test_links_lead_somewhere(text, repo):
    anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        if path:
            assert target.startswith("http") or (repo / "docs" / path).exists(), target
        else:
            assert anchor in anchors, f"no heading for #{anchor}"


def test_the_stubs_are_made_as_the_document_says(text, repo, tmp_path):
    (script,) = [body for _, kind, body in blocks(text) if kind == "sh stubs"]
    script = re.sub(r"\bpython3\b", sys.executable, script).replace("stubs", str(tmp_path / "stubs"))
    result = shell(script, repo, {})
    assert result.returncode == 0, result.stdout + result.stderr
    imported = subprocess.run([sys.executable, "-c", "import kindred.v1.recommendation_service_pb2_grpc"], text=True,
                              env={**os.environ, "PYTHONPATH": str(tmp_path / "stubs")}, capture_output=True, timeout=60)
    assert imported.returncode == 0, imported.stderr


def test_examples(text, repo, bin_dir, doc_store, server, stubs, grpcurl, monkeypatch):
    (start,) = [body for _, kind, body in blocks(text) if kind == "sh server"]
    assert start.split() == ["kindred-server", "--models", "build/api/models", "--profiles", "memory"]
    running = server(doc_store)
    admin = re.search(r"\badmin_grpc=(\S+)", running.ready_line)
    env = {"SERVER": running.address, "ADMIN_SERVER": admin.group(1) if admin else "127.0.0.1:1"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    tools = os.environ.get("KINDRED_GRPCURL", str(repo / "build/tools/bin/grpcurl"))
    env["PATH"] = f"{bin_dir}:{os.path.dirname(tools)}:{os.environ['PATH']}"
    env["KINDRED_SERVER"], env["KINDRED_ADMIN_SERVER"] = env["SERVER"], env["ADMIN_SERVER"]

    session, problems = {}, []
    found = blocks(text)
    for (heading, kind, body), (_, _, shown) in zip(found, found[1:] + [("", "", "")]):
        if kind == "sh grpcurl":
            result = shell(body, repo, env)
            try:
                wrong = missing(documents(shown), documents(result.stdout))
            except json.JSONDecodeError:
                wrong = ["prints no JSON"]
            if wrong or result.returncode != 0:
                wrong.append(f"exit code {result.returncode}\n{result.stdout[:2000]}{result.stderr}")
        elif kind == "python":
            wrong = []
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    exec(compile(body, f"docs/api.md: {heading}", "exec"), session)  # pylint: disable=exec-used
            except Exception as error:  # pylint: disable=broad-except
                wrong = [f"{type(error).__name__}: {error}"]
            if not wrong and out.getvalue() != shown:
                wrong = [f"prints\n{out.getvalue()}the document shows\n{shown}"]
        elif kind == "sh kindred":
            wrong = []
            for line in body.splitlines():
                result = shell(line, repo, env)
                if result.returncode != 0 or not result.stdout.strip():
                    wrong.append(f"{line}\nexit code {result.returncode}\n{result.stdout}{result.stderr}")
        else:
            continue
        problems += [f"## {heading} ({kind})\n{problem}" for problem in wrong]
    assert not problems, "\n\n".join(problems)
