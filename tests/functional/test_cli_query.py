"""`kindred query` against a real server: the JSON that scripts rely on, and the tables that people read."""
import json

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
