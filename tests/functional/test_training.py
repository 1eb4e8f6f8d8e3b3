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


def described(help_text):
    """{flag: default} of the family's own parameters; flags without a value are "false"."""
    block = re.search(r"^Model:\n(.*?)\n\n", help_text, re.S | re.M).group(1)
    found = {}
    for flag, default in re.findall(r"^  --([\w-]+)(?: [^\s=]+(?:=(\S+))?)?", block, re.M):
        found[flag.replace("-", "_")] = default
    return found


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def test_the_manual_has_every_parameter_and_its_default(kindred):
    """Each row of a table: `name`, `name` | default, default | …; several families may share a section."""
    manual = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = {}
    for title, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", manual, re.S | re.M):
        for names, defaults in re.findall(r"^\| (`[^|]+?) \| ([^|]*?) \|", body, re.M):
            for family in title.split(", "):
                rows.setdefault(family, {}).update({name: defaults for name in re.findall(r"`(\w+)`", names)})
    families = re.findall(r"^  ([\w-]+) ", kindred("train", "--help").stdout.split("Subcommands:")[1], re.M)
    assert len(families) >= 9
    for flag in families:
        family = flag.replace("-", "_")
        documented = rows.get(family, {})
        if family == "traits":
            documented = {**rows["item2vec"], **documented}
        parameters = described(kindred("train", flag, "--help").stdout)
        assert parameters or family == "popular"
        for name, default in parameters.items():
            assert name in documented, f"{family}: {name} is not in docs/training.md"
            given = re.split(r"[,\s()]+", documented[name].replace("`", "").replace("**", ""))
            if number(default) is not None:
                assert number(default) in map(number, given), f"{family}: {name} is {default}, the manual says {documented[name]}"
            elif default:
                assert default in given or default == documented[name].strip("` "), f"{family}: {name} is {default}, the manual says {documented[name]}"
        own = set(rows.get(family, {})) - set(parameters)
        assert not own or family in ("svd", "nmf"), f"{family}: the manual has {own}, the program does not"


def test_hybrid_packs_several_families_and_their_blend(kindred, sample_data, tmp_path):
    common = ["--interactions", sample_data / "transactions.csv.gz", "--user-column", "household_id", "--item-column",
              "product_id", "--min-item-users", "20", "--items", sample_data / "products.csv.gz", "--category-columns",
              "department", "--threads", "1", "--quiet"]
    out = tmp_path / "hybrid.safetensors"
    result = kindred("train", "hybrid", *common, "--parts", "als=1,svd=0.5", "--spaces", "content,item-cosine", "--out", out,
                     timeout=240)
    assert result.returncode == 0, result.stderr
    info = json.loads(kindred("inspect", out, "--json").stdout)
    assert sorted(info["spaces"]) == ["als", "content", "hybrid", "item_cosine", "svd"]
    assert info["default_space"] == "hybrid"
    assert {part["space"]: part["weight"] for part in info["spaces"]["hybrid"]["parts"]} == {"als": 1, "svd": 0.5}
    for flags, expected in ((["--parts", "als=1,als=2"], "named twice"), (["--parts", "als=x"], "FAMILY=WEIGHT"),
                            (["--parts", "alsx"], "unknown model family"), (["--spaces", "als"], "named twice")):
        wrong = kindred("train", "hybrid", *common, *flags, "--out", tmp_path / "no.safetensors")
        assert wrong.returncode == 2 and expected in wrong.stderr, wrong.stderr
    sparse = kindred("train", "hybrid", *common, "--parts", "als=1,item-cosine=1", "--out", tmp_path / "no.safetensors",
                     timeout=240)
    assert sparse.returncode == 1 and "sparse" in sparse.stderr
    assert not (tmp_path / "no.safetensors").exists()
