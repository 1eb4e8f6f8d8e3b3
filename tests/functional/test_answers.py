"""What answers promise: many at once are the same as one by one and cost less, every instruction set gives the same bytes,
and each says which model answered, from what, and without what."""
import os
import pathlib
import random
import subprocess

import pytest

import bundles
from server_client import event, for_user

ISAS = ["scalar", "avx2", "avx512_vnni"]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def users_of(bin_dir, sample_data, count):
    """Households of the sample, some of them more than once, and some strangers."""
    text = subprocess.run(["zcat", str(sample_data / "transactions.csv.gz")], capture_output=True, text=True, check=True).stdout
    known = sorted({line.split(",", 1)[0] for line in text.splitlines()[1:]})
    return [f"stranger-{i}" if i % 25 == 0 else known[i % len(known)] for i in range(count)]


def test_a_thousand_at_once_are_a_thousand_one_by_one(server, channel, stubs, sample_store, sample_data, bin_dir):
    process = server(sample_store)
    stub = stubs.Stub(channel(process.address))
    pb = stubs.pb
    users = users_of(bin_dir, sample_data, 1000)
    template = pb.RecommendRequest(page_size=10)
    batch = pb.BatchRecommendRequest(subjects=[pb.Subject(user_id=user) for user in users], request=template)
    singles = [pb.RecommendRequest(subject=subject, page_size=10) for subject in batch.subjects]
    stub.BatchRecommend(batch, timeout=60)  # warm
    before = cpu_seconds(process.pid)
    for _ in range(5):
        together = stub.BatchRecommend(batch, timeout=60)
    batch_cpu = (cpu_seconds(process.pid) - before) / 5
    before = cpu_seconds(process.pid)
    alone = [stub.Recommend(request, timeout=60) for request in singles]
    single_cpu = cpu_seconds(process.pid) - before
    print(f"server CPU of a user: {1000 * batch_cpu:.1f} us in a batch, {1000 * single_cpu:.1f} us alone")
    assert len(together.results) == 1000
    for result, response in zip(together.results, alone):
        response.next_page_token = ""  # a batch has no pages
        assert result.response == response


def questions(stubs, users):
    """Requests of every kind, seeded."""
    pb = stubs.pb
    filters = stubs.filter
    rng = random.Random(5)
    out = []
    for user in users:
        request = pb.RecommendRequest(page_size=rng.choice([5, 40]), explain=rng.random() < 0.5,
                                      include_seen=rng.random() < 0.3)
        if rng.random() < 0.8:
            request.subject.user_id = user
        else:
            request.subject.events.events.extend([event(stubs, item) for item in ("1127831", "860776", "916122")])
            del request.subject.events.events[rng.randrange(1, 4):]
        if rng.random() < 0.4:
            request.filter.CopyFrom(filters.Filter(none_of=filters.FilterList(filters=[filters.Filter(
                categories=filters.CategoryCondition(any_of=["department:GROCERY", "department:DRUG GM"]))])))
        if rng.random() < 0.3:
            request.diversity.CopyFrom(pb.Diversity(**{"lambda": rng.random()}))
        if rng.random() < 0.3:
            request.max_per_category.CopyFrom(pb.CategoryCap(max_items=2, prefix="department:"))
        if rng.random() < 0.3:
            request.boosts.append(pb.Boost(category="department:PRODUCE", amount=0.1))
        out.append(request)
    return out


def test_every_instruction_set_gives_the_same_bytes(server, channel, stubs, sample_store, sample_data, bin_dir):
    requests = questions(stubs, users_of(bin_dir, sample_data, 120))
    answers = {}
    for isa in ISAS:
        process = server(sample_store, wait=False, env={"KINDRED_ISA": isa})
        try:
            process.wait_ready()
        except AssertionError:
            process.kill()
            continue  # a machine without it
        stub = stubs.Stub(channel(process.address))
        answers[isa] = [stub.Recommend(request, timeout=30).SerializeToString(deterministic=True) for request in requests]
    assert "scalar" in answers and len(answers) >= 2, f"only {list(answers)} run on this machine"
    for isa, found in answers.items():
        assert found == answers["scalar"], isa


def test_every_rung_says_who_answered_from_what(server, channel, stubs, tmp_path, raw_store):
    """Requirements A7, B5, D9 and C1: one rung after another, each named."""
    pb = stubs.pb
    process = server(raw_store)
    stub = stubs.Stub(channel(process.address))

    def ask(subject, **fields):
        answer = stub.Recommend(pb.RecommendRequest(subject=subject, page_size=3, **fields), timeout=10)
        assert answer.model == "tiny" and answer.version == "1" and answer.digest.startswith("xxh128:")
        assert answer.space == "main" and answer.exact and len(answer.items) > 0
        assert list(answer.degradations) == []
        return answer

    source = pb.AnswerSource
    assert ask(pb.Subject(user_id="u0")).source == source.ANSWER_SOURCE_TRAINED_VECTOR
    assert ask(pb.Subject(user_id="nobody")).source == source.ANSWER_SOURCE_AVERAGE
    session = pb.Subject(events=pb.EventList(events=[event(stubs, "i3")]))
    assert ask(session).source == source.ANSWER_SOURCE_INLINE_EVENTS
    unknown = pb.Subject(events=pb.EventList(events=[event(stubs, "not-here")]))
    answer = ask(unknown)
    assert answer.source == source.ANSWER_SOURCE_AVERAGE and list(answer.missing_ids) == ["not-here"]
    for user, expected in (("nobody", source.ANSWER_SOURCE_LIVE_PROFILE), ("u0", source.ANSWER_SOURCE_BLENDED_PROFILE)):
        update = stub.UpdateProfile(pb.UpdateProfileRequest(user_id=user, events=[event(stubs, "i3")]), timeout=10)
        answer = ask(pb.Subject(user_id=user), min_profile_version=update.profile_version)
        assert answer.source == expected and answer.profile_version == 1
        carried = ask(pb.Subject(profile_token=update.profile_token))
        assert carried.source == expected and carried.items == answer.items
    stale = stub.Recommend(pb.RecommendRequest(subject=for_user(stubs, "u1").subject, min_profile_version=9), timeout=10)
    assert list(stale.degradations) == [pb.Degradation.DEGRADATION_STALE_PROFILE]


def test_lists_made_before_and_categories_answer_in_their_turn(server, channel, stubs, tmp_path):
    """A bundle of the Python package's form with a list for a user without a vector, and items that training never saw."""
    np = pytest.importorskip("numpy")
    from safetensors.numpy import save_file

    users = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    items = np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 0], [0, 0]], np.float32)
    tensors = {**bundles.id_tensors("users.ids", ["u0", "u1", "listed"]),
               **bundles.id_tensors("items.ids", [f"i{n}" for n in range(5)]),
               **bundles.id_tensors("categories.ids", ["a", "b"]),
               "items.categories.offsets": np.array([0, 1, 2, 2, 3, 4], np.int64),
               "items.categories.values": np.array([0, 1, 0, 1], np.uint32),
               "users.recommendations.offsets": np.array([0, 0, 0, 2], np.int64),
               "users.recommendations.values": np.array([4, 1], np.uint32),
               "users.recommendations.weights": np.array([2.5, 1.5], np.float32),
               "space.main.users": users, "space.main.items": items}
    path = tmp_path / "models" / "tiny" / "1" / "bundle.safetensors"
    path.parent.mkdir(parents=True)
    save_file(tensors, str(path))
    process = server(tmp_path / "models")
    stub = stubs.Stub(channel(process.address))
    pb = stubs.pb
    listed = stub.Recommend(pb.RecommendRequest(subject=pb.Subject(user_id="listed"), page_size=5), timeout=10)
    assert listed.source == pb.AnswerSource.ANSWER_SOURCE_PRECOMPUTED
    assert [item.item_id for item in listed.items][:2] == ["i4", "i1"]
    assert [item.score for item in listed.items][:2] == [2.5, 1.5]
    assert len(listed.items) == 5 and all(item.score < 1.5 for item in list(listed.items)[2:])
    touched = pb.Subject(events=pb.EventList(events=[event(stubs, "i4")]))
    category = stub.Recommend(pb.RecommendRequest(subject=touched, page_size=5), timeout=10)
    assert category.source == pb.AnswerSource.ANSWER_SOURCE_CATEGORY
    assert category.items[0].item_id == "i1", "of the same category"
