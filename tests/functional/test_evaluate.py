"""`kindred evaluate`: a bundle and the server that serves it are measured alike."""
import csv
import io
import json

import pytest

COLUMNS = ["--user-column", "household_id", "--item-column", "product_id", "--value-column", "quantity"]


@pytest.fixture(scope="module")
def halves(kindred, sample_data, tmp_path_factory):
    """The sample's events before and after the 0.8 quantile of each household's own times."""
    folder = tmp_path_factory.mktemp("evaluate")
    result = kindred("split", sample_data / "transactions.csv.gz", *COLUMNS, "--out-train", folder / "train.csv",
                     "--out-test", folder / "test.csv", "--quiet")
    assert result.returncode == 0, result.stderr
    return folder / "train.csv", folder / "test.csv"


@pytest.fixture(scope="module")
def store(kindred, halves, tmp_path_factory):
    """A model store with an NMF of the first half."""
    root = tmp_path_factory.mktemp("models")
    bundle = root / "groceries" / "1" / "bundle.safetensors"
    bundle.parent.mkdir(parents=True)
    result = kindred("train", "nmf", "--interactions", halves[0], "--factors", "8", "--iterations", "15",
                     "--min-item-users", "10", "--model", "groceries", "--quiet", "--out", bundle, timeout=240)
    assert result.returncode == 0, result.stderr
    return root


def measured(kindred, *args):
    result = kindred("evaluate", *args, "--sample-users", "150", "--quiet", "--json", timeout=240)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("protocol", [
    [],
    ["--include-seen"],
    ["--negatives", "99", "-k", "1,10"],
    ["--subject", "events"],
    ["--values", "log1p"],
], ids=["default", "include_seen", "negatives", "events", "values"])
def test_server_and_bundle_give_the_same_figures(kindred, halves, store, server, protocol):
    train, test = halves
    common = ["--test", test, "--train", train, "--values", "off", *protocol]
    if "--values" in protocol:
        common = ["--test", test, "--train", train, *protocol]
    offline = measured(kindred, "--bundle", store / "groceries/1/bundle.safetensors", *common)
    running = server(store)
    online = measured(kindred, "--server", running.address, "--model", "groceries", *common)
    assert offline == online
    assert offline["scored_users"] > 100
    assert [ranking["name"] for ranking in offline["rankings"]] == ["model", "popularity"]
    assert offline["rankings"][0]["at"][0]["hit_rate"] > 0.05
    if "--values" in protocol:
        assert [row["name"] for row in offline["values"]] == ["model", "global mean", "user mean", "item mean"]


def test_without_train_the_model_is_still_measured_alike(kindred, halves, store, server):
    test = halves[1]
    offline = measured(kindred, "--bundle", store / "groceries/1/bundle.safetensors", "--test", test, "--values", "off")
    online = measured(kindred, "--server", server(store).address, "--test", test, "--values", "off")
    for row in offline["rankings"][0]["at"]:  # the catalogue is the bundle's to know
        for name in ("coverage", "gini", "top_10_percent_share", "mean_popularity"):
            del row[name]
    assert online["rankings"] == offline["rankings"][:1]
    assert "--train" in online["notes"][0]


def test_table_csv_and_json_say_the_same(kindred, halves, store):
    args = ["evaluate", "--bundle", store / "groceries/1/bundle.safetensors", "--test", halves[1], "--sample-users", "150",
            "--quiet"]
    figures = json.loads(kindred(*args, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(kindred(*args, "--csv").stdout)))
    table = kindred(*args).stdout
    for ranking in figures["rankings"]:
        for at in ranking["at"]:
            row = next(r for r in rows if (r["ranker"], r["metric"], r["k"]) == (ranking["name"], "ndcg", str(at["k"])))
            assert float(row["value"]) == pytest.approx(at["ndcg"], rel=1e-8)
            assert f"{at['ndcg']:.4f}" in table


def test_errors_say_what_to_do(kindred, halves, store, tmp_path):
    bundle = store / "groceries/1/bundle.safetensors"
    both = kindred("evaluate", "--bundle", bundle, "--server", "127.0.0.1:1", "--test", halves[1])
    assert both.returncode == 2 and "one of them" in both.stderr
    gone = kindred("evaluate", "--bundle", tmp_path / "gone.safetensors", "--test", halves[1])
    assert gone.returncode == 2 and "gone.safetensors" in gone.stderr
    nobody = kindred("evaluate", "--server", "127.0.0.1:1", "--timeout", "1", "--test", halves[1], "--quiet")
    assert nobody.returncode == 1 and "127.0.0.1:1" in nobody.stderr
    space = kindred("evaluate", "--bundle", bundle, "--space", "none", "--test", halves[1], "--quiet")
    assert space.returncode == 2 and "it has:" in space.stderr
    (tmp_path / "other.csv").write_text("user_id,item_id\nnobody,nothing\n")
    other = kindred("evaluate", "--bundle", bundle, "--test", tmp_path / "other.csv", "--quiet")
    assert other.returncode == 1 and "anything to find" in other.stderr
    (tmp_path / "empty.csv").write_text("user_id,item_id\n")
    empty = kindred("evaluate", "--bundle", bundle, "--test", tmp_path / "empty.csv", "--quiet")
    assert empty.returncode == 1 and "empty.csv" in empty.stderr
