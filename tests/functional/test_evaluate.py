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


@pytest.fixture(scope="module")
def held_out(kindred, sample_data, tmp_path_factory):
    """Households held out whole: the others' events, the first 10 rows of each of these, and what came later."""
    folder = tmp_path_factory.mktemp("cold")
    result = kindred("split", sample_data / "transactions.csv.gz", *COLUMNS, "--kind", "users", "--min-items", "20",
                     "--out-train", folder / "train.csv", "--out-history", folder / "history.csv",
                     "--out-test", folder / "test.csv", "--quiet")
    assert result.returncode == 0, result.stderr
    rows = {name: list(csv.DictReader((folder / f"{name}.csv").open())) for name in ("train", "history", "test")}
    users = {name: {row["user_id"] for row in rows[name]} for name in rows}
    assert not users["train"] & (users["history"] | users["test"])
    assert users["test"] <= users["history"]
    last = {}
    for row in rows["history"]:
        last[row["user_id"]] = max(row["timestamp"], last.get(row["user_id"], ""))
    assert all(row["timestamp"] >= last[row["user_id"]] for row in rows["test"])
    assert max(sum(row["user_id"] == user for row in rows["history"]) for user in users["test"]) == 10
    return folder


@pytest.mark.parametrize("family", ["als", "item-cosine"])
def test_cold_start_is_the_same_from_a_bundle_and_a_server(kindred, held_out, server, tmp_path, family):
    train, history, test = (held_out / f"{name}.csv" for name in ("train", "history", "test"))
    bundle, reference = tmp_path / "models" / "cold" / "1" / "bundle.safetensors", tmp_path / "reference.safetensors"
    bundle.parent.mkdir(parents=True)
    for out, inputs in ((bundle, [train]), (reference, [train, history])):
        result = kindred("train", family, *(flag for file in inputs for flag in ("--interactions", file)), "--model",
                         "cold", "--quiet", "--out", out, timeout=240)
        assert result.returncode == 0, result.stderr
    args = ["--train", train, "--history", history, "--test", test, "--cold-start", "1,3,5,10", "--reference", reference,
            "--values", "off"]
    offline = measured(kindred, "--bundle", bundle, *args)
    online = measured(kindred, "--server", server(tmp_path / "models").address, *args)
    assert offline == online
    curve = offline["cold_start"]
    assert [point["events"] for point in curve] == [1, 3, 5, 10]
    assert {point["users"] for point in curve} == {offline["scored_users"]}
    assert curve[-1]["ndcg@10"] == offline["rankings"][0]["at"][0]["ndcg"]
    assert curve[-1]["ndcg@10"] > 0
    for point in curve:
        share = point["share_of_reference"]["ndcg@10"]
        assert share == pytest.approx(point["ndcg@10"] / point["reference"]["ndcg@10"])
        assert point["popularity"] == curve[0]["popularity"]


def test_cold_start_cuts_the_users_own_rows(kindred, held_out, store):
    bundle = store / "groceries/1/bundle.safetensors"
    args = ["evaluate", "--bundle", bundle, "--test", held_out / "test.csv", "--cold-start", "2,1", "--quiet"]
    result = kindred(*args)
    assert result.returncode == 0, result.stderr
    assert "first 1 " in result.stdout and "first 2 " in result.stdout
    assert "not new to it" in result.stdout  # that model knows these households
    wrong = kindred(*args[:-3], "--reference", bundle)
    assert wrong.returncode == 2 and "--cold-start" in wrong.stderr
    out_of_range = kindred(*args[:-2], "0")
    assert out_of_range.returncode == 2


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
