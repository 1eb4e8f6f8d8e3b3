"""`kindred diff`, `kindred advise`, the vectors' figures of `kindred evaluate`, and the server's advice as metrics."""
import csv
import gzip
import json
import re

import pytest

from server_client import event, for_user, http, metric

COLUMNS = ["--user-column", "household_id", "--item-column", "product_id", "--value-column", "quantity"]


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def trained(kindred, sample_data, tmp_path_factory):
    """trained(seed) → an item2vec and ALS bundle of the sample."""
    folder = tmp_path_factory.mktemp("advise")

    def make(seed):
        out = folder / f"{seed}.safetensors"
        config = folder / f"{seed}.yaml"
        config.write_text(f"""interactions: {sample_data / "transactions.csv.gz"}
user_column: household_id
item_column: product_id
value_column: quantity
min_item_users: 20
seed: {seed}
model: groceries
out: {out}
spaces:
  baskets: {{family: item2vec, factors: 16, epochs: 2}}
  taste: {{family: als, factors: 8, iterations: 5}}
""", encoding="utf-8")
        result = kindred("train", "--config", config, "--quiet", timeout=240)
        assert result.returncode == 0, result.stderr
        return out

    return {seed: make(seed) for seed in (1, 2)}


def test_a_bundle_against_itself_has_not_drifted(kindred, trained):
    result = kindred("diff", trained[1], trained[1], "--json", "--quiet", "--max-drift", "0", "--min-overlap", "1",
                     "--max-rank-change", "0")
    assert result.returncode == 0, result.stdout + result.stderr
    drift = json.loads(result.stdout)
    assert [space["space"] for space in drift["spaces"]] == ["baskets", "taste"]
    for space in drift["spaces"]:
        assert all(table["drift"] == 0 and table["raw"]["max"] == 0 for table in space["tables"])
        assert space["neighbors"]["overlap"] == 1
        assert (space["lists"]["rank_change"], space["lists"]["spearman"]) == (0, 1)
    assert drift["training"] == [] and drift["drifted"] is False


def test_another_training_is_nearer_once_it_is_aligned(kindred, trained):
    result = kindred("diff", trained[1], trained[2], "--json", "--quiet", "--max-drift", "0.0001")
    assert result.returncode == 1, result.stderr
    drift = json.loads(result.stdout)
    assert drift["drifted"] and any("drift of items" in line for line in drift["beyond"])
    for space in drift["spaces"]:
        for table in space["tables"]:
            assert 0 < table["aligned"]["mean"] < table["raw"]["mean"]
            assert table["drift"] == table["aligned"]["mean"]
        assert 0 < space["neighbors"]["overlap"] < 1
    assert {"member": "seed", "before": 1, "after": 2} in drift["training"]
    table = kindred("diff", trained[1], trained[2], "--quiet", "--max-drift", "2").stdout
    assert "within the limits" in table and "seed: 1 → 2" in table


def test_trouble_is_told_apart_from_drift(kindred, trained, tmp_path):
    missing = kindred("diff", trained[1], tmp_path / "gone")
    assert missing.returncode == 2 and "gone" in missing.stderr
    assert kindred("diff", trained[1]).returncode == 2
    assert kindred("diff", trained[1], trained[2], "--max-drift", "3").returncode == 2
    (tmp_path / "damaged").write_bytes(trained[1].read_bytes()[:5000])
    assert kindred("diff", trained[1], tmp_path / "damaged").returncode == 2
    wrong = kindred("diff", trained[1], trained[2], "--space", "nothing")
    assert wrong.returncode == 2 and "baskets, taste" in wrong.stderr


def test_advice_follows_time_new_items_and_drift(kindred, trained, sample_data, tmp_path):
    def advise(*args, code=0):
        result = kindred("advise", "--bundle", trained[1], "--json", "--quiet", *args)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    trained_at = advise()["trained_at"]
    fresh = advise("--at", trained_at, "--interactions", sample_data / "transactions.csv.gz", "--exit-code")
    assert not fresh["retrain"] and fresh["update"]  # the sample ends in 2017
    assert fresh["events"]["newer"] == 0 and fresh["events"]["new_items"] == 0
    assert fresh["events"]["rare_items"] > 0  # those with fewer than 20 households
    known = fresh["spaces"][1]["vocabulary"]

    rows = [[f"h{row % 25}", f"new-{row // 25}", 1, "2018-02-01 00:00:00"] for row in range(25 * (known // 20 + 1))]
    today = write_csv(tmp_path / "today.csv", ["household_id", "product_id", "quantity", "timestamp"], rows)
    grown = advise("--at", trained_at, "--interactions", today, "--exit-code", code=1)
    assert grown["events"]["newer"] == len(rows)
    assert [space["reasons"][0]["reason"] for space in grown["spaces"]] == ["new_tokens", "new_tokens"]
    assert grown["spaces"][1]["new_ratio"] == pytest.approx((known // 20 + 1) / known)
    assert not advise("--at", trained_at, "--interactions", today, "--max-new-ratio", "0.9")["retrain"]

    drifted = advise("--at", trained_at, "--against", trained[2], "--max-drift", "0.0001")
    assert all(space["reasons"][0]["reason"] == "drift" for space in drifted["spaces"])
    assert advise("--at", "2100-01-01")["spaces"][0]["reasons"][0]["reason"] == "age"
    assert "advice        retrain" in kindred("advise", "--bundle", trained[1], "--at", "2100-01-01").stdout
    assert kindred("advise", "--bundle", tmp_path / "gone").returncode == 2


def test_an_update_keeps_the_time_of_the_training(kindred, trained, sample_data, tmp_path):
    with gzip.open(sample_data / "transactions.csv.gz", "rt", encoding="utf-8") as file:
        rows = [next(file).strip().split(",") for _ in range(201)]
    late = write_csv(tmp_path / "late.csv", rows[0], [[*row[:2], "2030-01-01 00:00:00", *row[3:]] for row in rows[1:]])
    before = json.loads(kindred("inspect", trained[1], "--json").stdout)
    result = kindred("update", "--bundle", trained[1], "--interactions", late, "--out", tmp_path / "b", "--quiet")
    assert result.returncode == 0, result.stderr
    advice = json.loads(kindred("advise", "--bundle", tmp_path / "b", "--json").stdout)
    assert advice["trained_at"] == before["training"]["trained_at"]
    assert advice["newest_event_at"].startswith("2030-01-01") and not advice["update"]


def test_the_server_advises_as_the_command(kindred, trained, server, channel, stubs, tmp_path):
    store = tmp_path / "models"
    bundle = store / "groceries" / "1" / "bundle.safetensors"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(trained[1].read_bytes())
    running = server(store)
    info = json.loads(kindred("inspect", bundle, "--json").stdout)
    assert metric(running.admin, "kindred_model_new_token_ratio", space="taste") == 0
    assert metric(running.admin, "kindred_model_retrain_advised", reason="new_tokens") == 0
    assert metric(running.admin, "kindred_model_newest_event_age_seconds", model="groceries") > 5 * 365 * 86_400
    assert metric(running.admin, "kindred_model_update_advised", model="groceries") == 1
    assert 0 < metric(running.admin, "kindred_model_age_seconds", model="groceries") < 86_400
    assert metric(running.admin, "kindred_model_retrain_advised", reason="age") == 0

    # New ids in a stored history and in a request's own events, some of them twice.
    stub = stubs.Stub(channel(running.address))
    new_ids = [f"new-{i}" for i in range(info["items"] // 20 + 20)]
    stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id="somebody", events=[event(stubs, i) for i in new_ids[:20]]))
    for _ in range(2):
        stub.Recommend(for_user(stubs, "somebody"))
    for begin in range(10, len(new_ids), 200):
        events = stubs.pb.Subject(
            events=stubs.pb.EventList(events=[event(stubs, i) for i in new_ids[begin:begin + 200]]))
        stub.Recommend(stubs.pb.RecommendRequest(subject=events))
    ratio = len(new_ids) / info["items"]
    for space in ("baskets", "taste"):
        assert metric(running.admin, "kindred_model_new_token_ratio", space=space) == pytest.approx(ratio, rel=0.05)
        assert metric(running.admin, "kindred_model_retrain_advised", space=space, reason="new_tokens") == 1

    rows = [[f"h{user}", item, 1] for item in new_ids for user in range(20)]
    events = write_csv(tmp_path / "new.csv", ["household_id", "product_id", "quantity"], rows)
    advice = json.loads(kindred("advise", "--bundle", bundle, "--interactions", events, "--time-column", "none", "--json",
                                "--quiet").stdout)
    assert advice["spaces"][1]["new_ratio"] == pytest.approx(ratio)
    assert advice["retrain"]


def test_every_alert_asks_for_a_metric_that_there_is(repo, raw_store, server):
    alerts = (repo / "deploy/prometheus/kindred_alerts.yml").read_text(encoding="utf-8")
    listed = (repo / "tests/unit/server/metric_names.txt").read_text(encoding="utf-8").split()
    asked = set(re.findall(r"\b(?:kindred|grpc)_[a-z_]+(?=[{\[)\s])", " ".join(re.findall(r"expr:(.*?)\n {8}\w", alerts, re.S))))
    asked = {re.sub("_bucket$", "", name) for name in asked} - {"grpc_method", "grpc_code"}
    assert {"kindred_model_retrain_advised", "kindred_ready"} <= asked <= set(listed)
    assert "kindred_model_retrain_advised{" in http(server(raw_store).admin, "/metrics")[1]


def test_similarity_and_segments_need_no_test(kindred, trained, tmp_path):
    strangers = write_csv(tmp_path / "strangers.csv", ["a", "b", "expected"], [["x", "y", 1]])
    none = kindred("evaluate", "--bundle", trained[1], "--similarity-pairs", strangers)
    assert none.returncode == 1 and "of 1 pairs none has two items" in none.stderr
    items = ["951197", "1082185", "981760", "1029743", "995242"]
    pairs = write_csv(tmp_path / "pairs.csv", ["left", "right", "score"],
                      [[a, b, i] for i, (a, b) in enumerate(zip(items, items[1:] + items[:1]))] + [["gone", "x", 1]])
    segments = write_csv(tmp_path / "segments.csv", ["user", "segment"],
                         [[household, household % 2] for household in range(1, 400)])
    args = ["evaluate", "--bundle", trained[1], "--space", "taste", "--similarity-pairs", pairs, "--similarity-columns",
            "left,right,score", "--segments", segments]
    result = kindred(*args, "--json")
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["similarity"]["unknown"] >= 1
    assert figures["similarity"]["pairs"] + figures["similarity"]["unknown"] == 6
    assert -1 <= figures["similarity"]["spearman"] <= 1
    assert -0.2 < figures["segments"]["silhouette"] < 0.2  # odd and even households are not alike
    assert figures["segments"]["segments"] == 2 and figures["segments"]["users"] > 10
    assert figures["rankings"] == []
    text = kindred(*args).stdout
    assert "silhouette" in text and "Spearman" in text and "Recall" not in text
    assert "model,silhouette,," in kindred(*args, "--csv").stdout
    assert kindred("evaluate", "--bundle", trained[1]).returncode == 2
    few = write_csv(tmp_path / "few.csv", ["user", "segment"], [[household, household % 2] for household in range(1, 6)])
    too_few = kindred("evaluate", "--bundle", trained[1], "--segments", few)
    assert too_few.returncode == 1 and "more than 10 users" in too_few.stderr
