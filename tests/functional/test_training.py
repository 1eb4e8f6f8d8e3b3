"""Pipelines in YAML: the manual's own example, trained, verified and looked into."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pipeline_of_the_manual():
    manual = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    return re.search(r"```yaml\n(.*?)```", manual, re.S).group(1)


def test_the_manuals_pipeline_trains(kindred, tmp_path):
    out = tmp_path / "pipeline.safetensors"
    text = re.sub(r"(?m)^out: .*$", f"out: {out}", pipeline_of_the_manual())
    text = text.replace(" tests/data/", f" {ROOT}/tests/data/")
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    trained = kindred("train", "--config", str(tmp_path / "pipeline.yaml"), "--quiet")
    assert trained.returncode == 0, trained.stderr
    verified = kindred("verify", str(out))
    assert verified.returncode == 0, verified.stdout
    info = json.loads(kindred("inspect", str(out), "--json").stdout)
    assert set(info["spaces"]) == {"taste", "traits_of_baskets", "hybrid"}
    assert info["spaces"]["hybrid"]["dim"] == 16 + 12
    assert info["training"]["spaces"]["taste"]["parameters"]["factors"] == 16


def test_a_wrong_key_names_file_and_line(kindred, tmp_path):
    config = tmp_path / "p.yaml"
    config.write_text("interactions: a.csv\nuser_colum: u\n", encoding="utf-8")
    result = kindred("train", "--config", str(config))
    assert result.returncode == 1
    assert f"{config}:2: unknown key 'user_colum'" in result.stderr
    assert list(tmp_path.iterdir()) == [config]
