"""`kindred query` against a real server: the JSON that scripts rely on, and the tables that people read."""
import json
import re

import numpy as np
import pytest

from bundles import RAW_ITEM_IDS, RAW_ITEMS, RAW_USER_IDS, RAW_USERS


@pytest.fixture
def ask(kindred, server, raw_store):
    """ask("recommend", …) → the JSON answer of a server over the tiny raw bundle."""
    running = server(raw_store)

    def run(*args, code=0):
        result = kindred("query", *args, "--server", running.address, "--json")
        assert result.returncode == code, result.stdout + result.stderr
        if code != 0:
            assert result.stdout == ""
            return result.stderr
        assert result.stdout.count("\n") == 1, "one JSON object, on one line"
        return json.loads(result.stdout)

    return run


def test_recommend_ranks_as_numpy_does(ask):
    for u, user in enumerate(RAW_USER_IDS):
        answer = ask("recommend", "--user", user, "-k", "6")
        scores = RAW_ITEMS @ RAW_USERS[u]
        expected = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        assert [item["item_id"] for item in answer["items"]] == [RAW_ITEM_IDS[i] for i in expected]
        assert [np.float32(item["score"]) for item in answer["items"]] == [np.float32(scores[i]) for i in expected]
        assert answer["source"] == "trained_vector"


def test_recommend_has_the_fixed_keys(ask):
    answer = ask("recommend", "--user", "u0", "-k", "2")
    assert {"items", "model", "version", "source"} <= answer.keys()
    assert answer["model"] == "tiny" and answer["version"] == "1"
    assert len(answer["items"]) == 2
    assert all({"item_id", "score"} <= item.keys() for item in answer["items"])
    assert answer["exact"] is True and answer["space"] == "main" and answer["degradations"] == []


def test_k_is_the_servers_to_judge(ask):
    assert len(ask("recommend", "--user", "u0", "-k", "0")["items"]) == len(RAW_ITEM_IDS)  # 0 means 10
    assert len(ask("recommend", "--user", "u0", "-k", "2147483647")["items"]) == len(RAW_ITEM_IDS)
    error = ask("recommend", "--user", "u0", "-k", "-1", code=1)
    assert "INVALID_ARGUMENT" in error
    assert "\n  page_size: " in error, "the field violation is shown on a line of its own"


def test_an_empty_user_is_an_error_that_names_the_field(ask):
    assert "user_id" in ask("recommend", "--user", "", code=1)


def test_unknown_model_exits_1(ask):
    error = ask("recommend", "--user", "u0", "--model", "nope", code=1)
    assert "NOT_FOUND" in error and "nope" in error


def test_exclude_and_candidates(ask):
    answer = ask("recommend", "--user", "u0", "--exclude", "i3", "i0")
    assert "i3" not in str(answer["items"]) and "i0" not in str(answer["items"])
    answer = ask("recommend", "--user", "u0", "--candidates", "i1", "i4", "gone")
    assert sorted(item["item_id"] for item in answer["items"]) == ["i1", "i4"]
    assert answer["missing_ids"] == ["gone"]


def test_inline_events(ask):
    answer = ask("recommend", "--event", "i3:5", "--event", "gone:1:view", "--include-seen")
    assert answer["source"] == "inline_events"
    assert answer["missing_ids"] == ["gone"]
    assert answer["items"][0]["item_id"] == "i3"


def test_explained_terms_add_up(ask):
    answer = ask("recommend", "--user", "u3", "--explain", "-k", "6")
    for item in answer["items"]:
        total = item.get("prior", 0) + sum(term["value"] for term in item.get("terms", []))
        assert total == pytest.approx(item["score"], rel=1e-5, abs=1e-6)


def test_similar(ask):
    answer = ask("similar", "--item", "i0", "-k", "2")
    assert [item["item_id"] for item in answer["items"]] == ["i3", "i2"]
    assert answer["items"][0]["score"] == pytest.approx(1, abs=1e-6)
    assert "NOT_FOUND" in ask("similar", "--item", "gone", code=1)


def test_update_is_idempotent_by_update_id(ask):
    first = ask("update", "--user", "new", "--event", "i4:2:purchase", "--update-id", "order-17")
    assert first["profile_version"] == 1 and first["duplicate"] is False and first["update_id"] == "order-17"
    again = ask("update", "--user", "new", "--event", "i4:2:purchase", "--update-id", "order-17")
    assert again["profile_version"] == 1 and again["duplicate"] is True
    other = ask("update", "--user", "new", "--event", "i1")
    assert other["profile_version"] == 2 and other["update_id"]


def test_a_newcomer_goes_from_average_to_live_profile(ask):
    assert ask("recommend", "--user", "new")["source"] == "average"
    ask("update", "--user", "new", "--event", "i4:2:purchase")
    answer = ask("recommend", "--user", "new")
    assert answer["source"] == "live_profile" and answer["profile_version"] == 1
    assert "i4" not in [item["item_id"] for item in answer["items"]], "what it has is left out"
    profile = ask("profile", "--user", "new")
    assert profile["profile_version"] == 1 and profile["trained"] is False
    assert [(e["item_id"], e["action"], e["weight"], e["known"]) for e in profile["events"]] == [
        ("i4", "purchase", 2.0, True)]
    assert profile["traits"] and profile["update_time"].endswith("Z")


def test_every_option_of_a_recommendation_reaches_the_server(ask):
    scores = dict(zip(RAW_ITEM_IDS, (RAW_ITEMS @ RAW_USERS[3]).tolist()))
    every = ["recommend", "--user", "u3"]

    def ids(*args):
        return [item["item_id"] for item in ask(*every, *args)["items"]]

    assert ids("--min-score", "2") == sorted((i for i in scores if scores[i] >= 2), key=lambda i: (-scores[i], i))
    assert ids("--boost", "i1=10", "--boost", "i5,i1=5")[:2] == ["i1", "i5"]
    assert ids("--filter", "category:none") == [] and len(ids("--filter", "not category:none")) == 6
    assert ask(*every, "--filter-json", '{"categories":{"any_of":["none"]}}')["missing_categories"] == ["none"]
    assert "filter" in ask(*every, "--filter", "price 1..5", code=1)
    assert ids("--diversity", "1") == ids() and sorted(ids("--diversity", "0.1")) == sorted(ids())
    assert ids("--max-per-category", "1") == ids(), "no item has a category here"
    assert ask(*every, "--blend", "main=2,gone=1")["degradations"] == ["space_unavailable"]
    assert ask(*every, "--min-profile-version", "3")["degradations"] == ["stale_profile"]
    for bad, field in [(["--max-per-category", "0"], "max_per_category.max_items"), (["--diversity", "2"], "diversity.lambda"),
                       (["--boost", "i1=inf"], "boosts[0].amount"), (["--page-token", "x"], "page_token"),
                       (["--min-score", "nan"], "min_score")]:
        assert field in ask(*every, *bad, code=1)


def test_ids_from_files(ask, tmp_path):
    (tmp_path / "ids").write_text("i3\r\n\ni0\n")
    answer = ask("recommend", "--user", "u0", "--exclude-file", tmp_path / "ids", "--exclude", "i5")
    assert sorted(item["item_id"] for item in answer["items"]) == ["i1", "i2", "i4"]
    answer = ask("recommend", "--user", "u0", "--candidate-file", tmp_path / "ids")
    assert sorted(item["item_id"] for item in answer["items"]) == ["i0", "i3"]
    (tmp_path / "ids").write_text("")
    assert "no id in it" in ask("recommend", "--user", "u0", "--candidate-file", tmp_path / "ids", code=1)


def test_pages_are_one_list(ask):
    whole = [item["item_id"] for item in ask("recommend", "--user", "u3")["items"]]
    first = ask("recommend", "--user", "u3", "-k", "2")
    second = ask("recommend", "--user", "u3", "-k", "2", "--page-token", first["next_page_token"])
    assert [item["item_id"] for item in first["items"] + second["items"]] == whole[:4]
    two = ask("recommend", "--user", "u3", "-k", "2", "--pages", "2")
    assert [item["item_id"] for item in two["items"]] == whole[:4] and two["next_page_token"]
    for args in (["-k", "2", "--pages", "9"], ["-k", "2", "--all"], ["--all"]):
        answer = ask("recommend", "--user", "u3", *args)
        assert [item["item_id"] for item in answer["items"]] == whole and answer["next_page_token"] == ""


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["unary", "stream"])
def test_batches_answer_user_by_user(kindred, server, raw_store, tmp_path, stream):
    running = server(raw_store)
    users = RAW_USER_IDS + ["nobody"]
    (tmp_path / "users").write_text("\n".join(users[2:]))
    ask = ["--server", running.address, "--json"]
    result = kindred("query", "batch", *users[:2], "--user-file", tmp_path / "users", "-k", "3", *stream, *ask)
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["subject"] for line in lines] == users
    for line in lines:
        assert line["answer"] == json.loads(kindred("query", "recommend", "--user", line["subject"], "-k", "3", *ask).stdout) | {
            "next_page_token": ""}
    too_long = "x" * 1025
    result = kindred("query", "batch", "u0", too_long, "u1", *stream, *ask)
    assert result.returncode == 1 and "1 of 3 users have no answer" in result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [("answer" in line, "error" in line) for line in lines] == [(True, False), (False, True), (True, False)]
    assert lines[1]["error"]["code"] == "INVALID_ARGUMENT"
    assert "diversity.lambda" in kindred("query", "batch", "u0", "--diversity", "2", *stream, *ask).stderr


def test_scores(ask):
    answer = ask("score", "--user", "u3", "u0", "--item", "i4", "i1", "gone")
    for result, vector in zip(answer["results"], (RAW_USERS[3], RAW_USERS[0])):
        assert [s["item_id"] for s in result["scores"]] == ["i4", "i1"] and result["missing_ids"] == ["gone"]
        assert [s["score"] for s in result["scores"]] == pytest.approx([float(RAW_ITEMS[4] @ vector), float(RAW_ITEMS[1] @ vector)])
    assert ask("score", "--event", "i3", "--item", "i0")["results"][0]["source"] == "inline_events"


def test_vectors(ask):
    answer = ask("vectors", "--item", "i3", "gone", "--user", "u5")
    assert answer["items"] == [{"id": "i3", "values": RAW_ITEMS[3].tolist()}]
    assert answer["users"] == [{"id": "u5", "values": RAW_USERS[5].tolist()}]
    assert answer["missing_ids"] == ["gone"]


def test_profiles_come_and_go(kindred, server, raw_store, ask):
    token = ask("update", "--user", "new", "--event", "i4:2:purchase")["profile_token"]
    ask("update", "--user", "new", "--event", "i1", "--mode", "blend")
    assert ask("profile", "--user", "new")["profile_token"] != token
    elsewhere = server(raw_store)
    result = kindred("query", "recommend", "--profile-token", token, "--server", elsewhere.address, "--json")
    assert json.loads(result.stdout)["source"] == "live_profile", result.stderr
    result = kindred("query", "profiles", "new", "u0", "--server", elsewhere.address, "--json")
    assert [json.loads(line)["profile"]["trained"] for line in result.stdout.splitlines()] == [False, True]
    assert ask("delete", "--user", "new") == {"user_id": "new", "existed": True, "durability": "memory"}
    assert ask("delete", "--user", "new")["existed"] is False
    assert ask("profile", "--user", "new")["profile_token"] == ""


def test_availability(kindred, server, raw_store, tmp_path):
    running = server(raw_store)
    admin = re.search(r"\badmin_grpc=(\S+)", running.ready_line).group(1)

    def ask(*args):
        result = kindred("query", "availability", *args, "--admin-server", admin, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    (tmp_path / "out").write_text("\n".join(f"later-{n}" for n in range(10_001)))
    assert ask("set", "--out", "i3", "--out-file", tmp_path / "out")["changed"] == 10_002
    whole = ask("list", "--all")
    assert len(whole["item_ids"]) == whole["unavailable_items"] == 10_002 and whole["next_page_token"] == ""
    first = ask("list", "-k", "1")
    assert first["item_ids"] == ["i3"]
    assert ask("list", "-k", "1", "--page-token", first["next_page_token"])["item_ids"] == ["later-0"]
    assert ask("set", "--back-file", tmp_path / "out", "--back", "i3")["unavailable_items"] == 0
    error = kindred("query", "availability", "list", "--admin-server", "127.0.0.1:1", "--timeout", "1")
    assert error.returncode == 1 and "--admin-server" in error.stderr


def test_tables_for_people(kindred, server, sample_store):
    running = server(sample_store)
    result = kindred("query", "recommend", "--user", "676", "-k", "3", "--explain", "--server", running.address)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Recommended for 676 (trained_vector; model groceries version 1, space ")
    assert lines[1].split() == ["#", "item", "name", "category", "score"]
    assert [line.split()[0] for line in lines[2:] if line[:3].strip().isdigit()] == ["1", "2", "3"]
    assert any("  trait " in line for line in lines)
    assert max(map(len, lines)) <= 130

    first = lines[2].split()[1]
    for args, heading in [(["similar", "--item", first], f"Similar to {first} ("),
                          (["update", "--user", "new", "--event", first], "Recorded 1 event for new: profile version 1"),
                          (["profile", "--user", "new"], "Profile of new (live_profile; ")]:
        result = kindred("query", *args, "--server", running.address)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith(heading), result.stdout


def test_the_server_can_be_named_by_the_environment(kindred, server, raw_store, monkeypatch):
    monkeypatch.setenv("KINDRED_SERVER", server(raw_store).address)
    assert json.loads(kindred("query", "recommend", "--json").stdout)["source"] == "average"
